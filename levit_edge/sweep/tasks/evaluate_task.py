"""The task that runs finished files over one shard of images."""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from levit_edge.bundle.manifest import Artifact
from levit_edge.data.preprocess import Preprocessing, decode_input
from levit_edge.device.image import decoding_fault
from levit_edge.documents import from_json, to_json
from levit_edge.errors import DataError, SweepError
from levit_edge.runtime.evaluation.evaluator import Evaluator, Model
from levit_edge.runtime.evaluation.tally import Tallies
from levit_edge.runtime.runner import runtime_version
from levit_edge.sweep.inputs.shard_reader import entries
from levit_edge.sweep.tasks.call import Call, Result
from levit_edge.sweep.tasks.index_task import read_indexed
from levit_edge.sweep.tasks.store import Store
from levit_edge.system.host import describe_host
from levit_edge.text import listed

__all__ = ["Evaluated", "evaluate"]


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """What one file did on one shard."""

    tally: Any
    """As `levit_edge.runtime.evaluation.tally.Tally.to_json` has it."""
    skipped: dict[str, str]
    """Images that could not be read: name in the shard -> why."""
    runtime: str
    """Its version."""
    host: dict[str, str]


def evaluate(call: Call, store: Store) -> dict[str, Result]:
    """Run the files, fp32 and int8 together, over the shard's images one after the other.

    The call's pieces are named by the files' SHA-256.
    """
    indexed = read_indexed(store, call.places["shard"])
    shard, expected = indexed.shard, [image.sha256 for image in indexed.index.images]
    preprocessing = from_json(Preprocessing, call.places["preprocessing"], SweepError, "a call")
    artifacts = tuple(from_json(Artifact, each, SweepError, "a call") for each in call.places["artifacts"])
    evaluator = _evaluator(store.url, artifacts, preprocessing, call.places["classes"])
    labels: list[int] | None = call.places["labels"]
    tallies = Tallies(artifacts)
    skipped: dict[str, str] = {}
    read = 0
    for place, entry in enumerate(entries(shard)):
        if place >= len(expected) or hashlib.sha256(entry.content).hexdigest() != expected[place]:
            raise DataError(f"{shard.name}: {entry.name} was changed while the sweep ran: run it again.")
        read += 1
        try:
            image = decode_input(entry.content, entry.name, preprocessing)
        except DataError as error:
            skipped[entry.name] = decoding_fault(entry.name, error)
            continue
        tallies.count(evaluator.answer(image), None if labels is None else labels[place])
    if read != len(expected):
        raise DataError(f"{shard.name}: {read} images, and there were {len(expected)} when the sweep began.")
    if skipped and not call.places["skip_bad_images"]:
        raise DataError(f"{shard.name}: {_unreadable(skipped, read)}")
    host = describe_host()
    return {
        artifact.sha256: Result(
            value=to_json(
                Evaluated(tally=tally.to_json(), skipped=skipped, runtime=runtime_version(artifact.runtime), host=host)
            )
        )
        for artifact, tally in tallies.by_artifact.items()
        if artifact.sha256 in call.pieces
    }


@lru_cache(maxsize=1)
def _evaluator(
    store_url: str, artifacts: tuple[Artifact, ...], preprocessing: Preprocessing, classes: int
) -> Evaluator:
    """The files, loaded: kept for the next shard, which often is for the same ones."""
    store, evaluator = Store(store_url), Evaluator(preprocessing)
    for each in artifacts:
        evaluator.add(Model(file=each.file, runtime=each.runtime, data=store.blob(each.sha256), classes=classes))
    return evaluator


def _unreadable(skipped: dict[str, str], images: int) -> str:
    some = listed([f"{name} ({why})" for name, why in skipped.items()], longest=4000)
    return (
        f"{len(skipped)} of {images} images cannot be read: {some}. Replace them, or leave them out with"
        " `skip_bad_images = true` in the plan."
    )
