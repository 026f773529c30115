"""Tasks about one network: what it is, and its fp32 files."""

from dataclasses import dataclass
from typing import ClassVar

from levit_edge.bundle.manifest import CheckpointProvenance
from levit_edge.bundle.recipe import OnnxAttention, Recipe
from levit_edge.documents import to_json
from levit_edge.errors import CheckpointError, SweepError
from levit_edge.model.checkpoint import Checkpoint, read_checkpoint
from levit_edge.model.deploy import DeployLeViT
from levit_edge.model.download import resolve_checkpoint
from levit_edge.model.fuse import fuse
from levit_edge.quantize.artifacts import export_fp32
from levit_edge.quantize.prepare import reading_warnings
from levit_edge.sweep.inputs.checkpoint_files import fetch, kept_files
from levit_edge.sweep.tasks.call import Task
from levit_edge.sweep.tasks.identity import CheckpointIdentity, CheckpointPlace, Network
from levit_edge.sweep.tasks.result import Result
from levit_edge.sweep.tasks.store import Store
from levit_edge.system.progress import Stages

__all__ = ["Export", "Identify", "deploy_form"]


@dataclass(frozen=True, kw_only=True)
class Identify(Task):
    """Read a checkpoint and say what it is."""

    kind: ClassVar[str] = "identify"
    checkpoint: CheckpointPlace

    def run(self, store: Store) -> dict[str, Result]:
        """The value is its `CheckpointIdentity`."""
        trained, place = _read(self.checkpoint, store), self.checkpoint
        facts = CheckpointIdentity(
            config=trained.config,
            provenance=CheckpointProvenance(
                source=place.path or resolve_checkpoint(None, place.size).name,  # as `quantize` calls them
                format=str(trained.format),
                sha256=trained.sha256,
                entry=trained.entry,
                other_entries=trained.other_entries,
                license=trained.license,
            ),
            preprocessing_origin=trained.preprocessing_origin,
            labels=trained.labels,
            warnings=tuple(reading_warnings(trained, self.checkpoint.shown, "the key weights")),
        )
        return {"": Result(value=to_json(facts))}


@dataclass(frozen=True, kw_only=True)
class Export(Task):
    """Make a network's two fp32 files."""

    kind: ClassVar[str] = "export"
    network: Network
    onnx_attention: OnnxAttention

    def run(self, store: Store) -> dict[str, Result]:
        """The blobs are the files, by their names."""
        files = export_fp32(deploy_form(self.network, store), Stages(), Recipe(onnx_attention=self.onnx_attention))
        return {"": Result(value=None, blobs={each.file: store.add(each.model) for each in files})}


def deploy_form(network: Network, store: Store) -> DeployLeViT:
    """The network, folded; a model of the hub is in the `store`.

    Raises:
        CheckpointError: its checkpoint cannot be read.
        SweepError: that is no longer the one of that SHA-256.
    """
    trained = _read(network.checkpoint, store)
    if (trained.sha256, trained.entry) != (network.sha256, network.entry):
        raise SweepError(f"{network.checkpoint.shown} was changed while the sweep ran: run it again.")
    return fuse(trained.model)


def _read(place: CheckpointPlace, store: Store) -> Checkpoint:
    """Read the checkpoint, from wherever it is; see `levit_edge.model.checkpoint.read_checkpoint`.

    Raises:
        CheckpointError: as there; a temporary copy goes by the name of what it is a copy of.
    """
    if place.path is None:
        return read_checkpoint(resolve_checkpoint(None, place.size), place.size, place.weights)
    with kept_files(place.files, store) if place.files else fetch(place.path) as path:
        try:
            return read_checkpoint(path, place.size, place.weights)
        except CheckpointError as error:
            raise CheckpointError(str(error).replace(str(path), place.path)) from error
