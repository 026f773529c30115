"""Tasks about one network: what it is, and its fp32 files."""

from levit_edge.bundle.manifest import CheckpointProvenance
from levit_edge.bundle.recipe import OnnxAttention, Recipe
from levit_edge.documents import from_json, to_json
from levit_edge.errors import SweepError
from levit_edge.model.checkpoint import Checkpoint, read_checkpoint
from levit_edge.model.deploy import DeployLeViT
from levit_edge.model.download import resolve_checkpoint
from levit_edge.model.fuse import fuse
from levit_edge.quantize.artifacts import export_fp32
from levit_edge.sweep.inputs.checkpoint_files import fetch
from levit_edge.sweep.tasks.call import Call, Result
from levit_edge.sweep.tasks.facts import CheckpointFacts, CheckpointPlace
from levit_edge.sweep.tasks.store import Store
from levit_edge.system.progress import Stages

__all__ = ["deploy_form", "export", "identify"]


def identify(call: Call, _store: Store) -> dict[str, Result]:
    """Read a checkpoint and say what it is."""
    ((name, inputs),) = call.pieces.items()
    place = from_json(CheckpointPlace, inputs, SweepError, "a call")
    trained = _read(place)
    facts = CheckpointFacts(
        config=trained.config,
        provenance=CheckpointProvenance(source=place.shown, format=str(trained.format), sha256=trained.sha256),
        labels=trained.labels,
    )
    return {name: Result(value=to_json(facts))}


def export(call: Call, store: Store) -> dict[str, Result]:
    """Make a network's two fp32 files."""
    ((name, inputs),) = call.pieces.items()
    deploy = deploy_form(call, inputs["checkpoint"])
    recipe = Recipe(onnx_attention=OnnxAttention(inputs["onnx_attention"]))
    files = export_fp32(deploy, Stages(), recipe)
    return {name: Result(value=None, blobs={each.file: store.add(each.model) for each in files})}


def deploy_form(call: Call, sha256: str) -> DeployLeViT:
    """The network of the call's checkpoint, folded.

    Raises:
        CheckpointError: it cannot be read.
        SweepError: it is no longer the one of that SHA-256.
    """
    place = from_json(CheckpointPlace, call.places["checkpoint"], SweepError, "a call")
    trained = _read(place)
    if trained.sha256 != sha256:
        raise SweepError(f"{place.shown} was changed while the sweep ran: run it again.")
    return fuse(trained.model)


def _read(place: CheckpointPlace) -> Checkpoint:
    """Read the checkpoint, from wherever it is; see `levit_edge.model.checkpoint.read_checkpoint`."""
    if place.path is None:
        return read_checkpoint(resolve_checkpoint(None, place.size), place.size)
    with fetch(place.path) as path:
        return read_checkpoint(path, place.size)
