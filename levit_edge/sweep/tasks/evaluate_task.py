"""The task that runs finished files over one shard of images."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, ClassVar

from levit_edge.bundle.kinds import Precision
from levit_edge.bundle.manifest import Artifact
from levit_edge.data.preprocess import Preprocessing, decode_input
from levit_edge.device.image import decoding_fault
from levit_edge.documents import Count, to_json
from levit_edge.errors import DataError
from levit_edge.runtime.evaluation.evaluator import Evaluator, Model
from levit_edge.runtime.evaluation.tally import PresentTally, Tallies, Tally
from levit_edge.runtime.runner import refusal_here
from levit_edge.sweep.inputs.shard_index import ShardIndex
from levit_edge.sweep.inputs.shard_reader import Entry, entries
from levit_edge.sweep.tasks.call import PLACE, Task
from levit_edge.sweep.tasks.index_task import read_index
from levit_edge.sweep.tasks.result import Result
from levit_edge.sweep.tasks.store import Store
from levit_edge.system.host import describe_host
from levit_edge.text import counted, listed

__all__ = ["Evaluate", "Evaluated"]


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """What one file did on one shard."""

    tally: Tally
    right_among_present: Count | None = None
    """Images that it has right among the classes of `Evaluate.present` alone; None without such."""
    skipped: dict[str, str]
    """Images that could not be read: name in the shard -> why."""
    host: dict[str, str]
    not_run: str | None = None
    """Why the processor cannot run it, and nothing was counted; None if it can."""


@dataclass(frozen=True, kw_only=True)
class Evaluate(Task):
    """Run files, fp32 and int8 together, over the shard's images one after the other; not those that the processor
    cannot run.

    Its results, an `Evaluated` for each file, are named by the files' SHA-256.
    """

    kind: ClassVar[str] = "evaluate"
    artifacts: tuple[Artifact, ...] = field(metadata=PLACE)
    """With the fp32 file of each runtime."""
    shard: str = field(metadata=PLACE)
    """The blob of `Index`."""
    labels: tuple[int, ...] | None = field(metadata=PLACE)
    images: str
    """Digest of names, contents and labels."""
    present: tuple[int, ...] = ()
    """The classes that the images of all shards have, where these are not all; else empty."""
    preprocessing: Preprocessing
    classes: int
    skip_bad_images: bool

    def parts(self) -> dict[str, dict[str, Any]]:
        """What a file does depends on it and its fp32 twin, and not on what else runs with it."""
        references = {each.runtime: each.sha256 for each in self.artifacts if each.precision is Precision.FP32}
        return {
            each.sha256: {
                "artifact": each.sha256,
                "compared with": references[each.runtime],
                "runtime": str(each.runtime),
            }
            for each in self.artifacts
        }

    def run(self, store: Store) -> dict[str, Result]:
        """See `levit_edge.sweep.tasks.call.Task`."""
        index = read_index(store, self.shard)
        refusals = {each: refusal_here(each.file, each.precision) for each in self.artifacts}
        runnable = tuple(each for each in self.artifacts if refusals[each] is None)
        evaluator = _evaluator(store.url, runnable, self.preprocessing, self.classes)
        tallies, skipped = Tallies(runnable), dict[str, str]()
        among = PresentTally(self.present)
        for number, (name, _, content) in enumerate(_unchanged(index)):
            try:
                image = decode_input(content, name, self.preprocessing)
            except DataError as error:
                skipped[name] = decoding_fault(name, error)
                continue
            label = None if self.labels is None else self.labels[number]
            logits = tallies.count(evaluator.answer(image), label)
            if self.present and label is not None:
                among.count(logits, label)
        if skipped and not self.skip_bad_images:
            raise DataError(f"{index.shard.name}: {_unreadable(skipped, len(index.images))}")
        host = describe_host()

        def evaluated(artifact: Artifact) -> Evaluated:
            if refusals[artifact] is not None:
                return Evaluated(tally=Tally(), skipped=skipped, host=host, not_run=refusals[artifact])
            right, tally = among.right[artifact] if self.present else None, tallies.by_artifact[artifact]
            return Evaluated(tally=tally, right_among_present=right, skipped=skipped, host=host)

        return {each.sha256: Result(value=to_json(evaluated(each))) for each in self.artifacts}


def _unchanged(index: ShardIndex) -> Iterator[Entry]:
    """The shard's images.

    Raises:
        DataError: they are not those that were indexed, or cannot be read.
    """
    shard, expected = index.shard, [(image.name, image.sha256) for image in index.images]
    read = 0
    for read, entry in enumerate(entries(shard, frozenset(name for name, _ in expected)), 1):
        if read > len(expected) or (entry.name, entry.sha256) != expected[read - 1]:
            raise DataError(f"{shard.name}: {entry.name} was changed while the sweep ran: run it again.")
        yield entry
    if read != len(expected):
        raise DataError(f"{shard.name}: {counted(read, 'image')}, and there were {len(expected)} when the sweep began.")


@lru_cache(maxsize=1)
def _evaluator(
    store_url: str, artifacts: tuple[Artifact, ...], preprocessing: Preprocessing, classes: int
) -> Evaluator:
    """The files, loaded: kept for the next shard, which often is for the same ones."""
    store, evaluator = Store(store_url), Evaluator(preprocessing)
    for each in artifacts:
        evaluator.add(
            Model(file=each.file, runtime=each.runtime, read=partial(store.blob, each.sha256), classes=classes)
        )
    return evaluator


def _unreadable(skipped: dict[str, str], images: int) -> str:
    some = listed([f"{name} ({why})" for name, why in skipped.items()], longest=4000)
    return (
        f"{len(skipped)} of {counted(images, 'image')} cannot be read: {some}. Replace them, or leave them out with"
        " `skip_bad_images = true` in the plan."
    )
