"""A board's answers so far: kept until its evaluation is complete, also where one of the files fails on the way.

They lie in a `ResultCache` of the files that run, in parts that are named by the number of their first image. If a file
with float16 fails, those of the others go into the cache of the others; what is left in this one is the part `lost`,
which lets a later call begin without that file.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from io import BytesIO

import numpy as np

from levit_edge.bundle.kinds import Precision
from levit_edge.bundle.manifest import Artifact
from levit_edge.device.protocol import read_frame, write_frame
from levit_edge.errors import BoardError, OutputError
from levit_edge.runtime.evaluation.evaluator import Answer
from levit_edge.runtime.evaluation.worker import pack_answer, unpack_answer
from levit_edge.system.result_cache import ResultCache

__all__ = [
    "LostFileError",
    "keep_answers",
    "noting_a_lost_file",
    "opened_cache",
    "parts_kept",
    "refuse_what_was_lost",
]

LOST = "lost"


class LostFileError(Exception):
    """A file with float16 failed after it had been opened."""

    def __init__(self, file: str, why: str, cache: ResultCache, images: int) -> None:
        super().__init__(why)
        self.file = file
        self.images = images
        """For how many images at most the other files' answers are older than this call."""
        self._cache = cache

    def forget(self) -> None:
        """Let a later call try the file again."""
        with suppress(OSError), self._cache as cache:  # another process is at it
            cache.done()


def opened_cache(results: ResultCache, stack: ExitStack) -> ResultCache:
    """The cache of one evaluation, which `stack` leaves.

    Raises:
        BoardError: another process is at the same evaluation.
        OutputError: it cannot be written.
    """
    try:
        return stack.enter_context(results)
    except BlockingIOError as error:
        raise BoardError("the same evaluation is running in another process: wait for it, or end it.") from error
    except OSError as error:
        raise OutputError(
            f"{error.filename} cannot be written: {error.strerror}. LEVIT_EDGE_CACHE names another cache folder."
        ) from error


def parts_kept(results: ResultCache) -> Iterator[list[Answer | str]]:
    """What an interrupted call has left, in the order of the images from the first one on."""
    begin = 0
    while (part := results.read(str(begin))) is not None:
        frames, answers = BytesIO(part.content), list[Answer | str]()
        while (frame := read_frame(frames)) is not None:
            answers.append(unpack_answer(frame))
        yield answers
        begin += len(answers)


def keep_answers(results: ResultCache, begin: int, answers: Sequence[Answer | str]) -> None:
    """Keep the answers of images that follow each other, the first of which is number `begin`.

    Raises:
        OutputError: they cannot be written.
    """
    frames = BytesIO()
    for answer in answers:
        write_frame(frames, pack_answer(answer))
    _keep(results, str(begin), frames.getvalue())


def _keep(results: ResultCache, name: str, content: bytes) -> None:
    try:
        results.write(name, content)
    except OSError as error:
        raise OutputError(f"{results.path} cannot be written: {error.strerror}.") from error


def refuse_what_was_lost(artifacts: Sequence[Artifact], results: ResultCache, images: int) -> None:
    """Raise the `LostFileError` of an earlier call that did not come to its end.

    Args:
        artifacts: the files that run.
        results: their cache.
        images: how many there are.
    """
    part = results.read(LOST)
    file, why = (None, "") if part is None else json.loads(part.content)
    if file in {each.file for each in artifacts}:
        raise LostFileError(file, why, results, images)


@contextmanager
def noting_a_lost_file(
    artifacts: Sequence[Artifact],
    results: ResultCache,
    resumed: int,
    cache_of: Callable[[Sequence[Artifact]], ResultCache],
) -> Iterator[None]:
    """Let the failure of a file with float16 be a `LostFileError`; what the others have answered goes into their cache.

    Args:
        artifacts: the files that run.
        results: their cache.
        resumed: for how many images it had answers when this call began.
        cache_of: that of other files.
    """
    try:
        yield
    except BoardError as error:
        lost = next((each for each in artifacts if each.file == error.file), None)
        if lost is None or lost.precision is not Precision.INT8_FLOAT16:
            raise
        place, why = artifacts.index(lost), str(error).rstrip(".")
        there = _hand_over(results, place, cache_of([*artifacts[:place], *artifacts[place + 1 :]]))
        _keep(results, LOST, json.dumps([lost.file, why]).encode())
        with suppress(OSError):  # what stays is not looked at any more
            results.keep_only(LOST)
        raise LostFileError(lost.file, why, results, max(resumed, there)) from error


def _hand_over(results: ResultCache, place: int, others: ResultCache) -> int:
    """Give the other files' cache the answers that it has not, part by part: all together may not fit into memory.

    Returns:
        How many it had.
    """
    with ExitStack() as stack:
        kept = opened_cache(others, stack)
        there = sum(map(len, parts_kept(kept)))  # of a call in which the file could not be opened
        begin = 0
        for answers in parts_kept(results):
            known = min(len(answers), max(0, there - begin))
            if known < len(answers):
                keep_answers(kept, begin + known, [_without(each, place) for each in answers[known:]])
            begin += len(answers)
    return there


def _without(answer: Answer | str, place: int) -> Answer | str:
    """The answer without that of one file."""
    if isinstance(answer, str):
        return answer
    seconds = (*answer.seconds[:place], *answer.seconds[place + 1 :])
    return replace(answer, logits=np.delete(answer.logits, place, axis=0), seconds=seconds)
