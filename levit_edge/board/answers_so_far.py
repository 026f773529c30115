"""A board's answers so far: kept until its evaluation is complete, also where one of the files fails on the way."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
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
    "answers_kept",
    "keep_answers",
    "noting_a_lost_file",
    "opened_cache",
]


class LostFileError(Exception):
    """A file with float16 failed after it had been opened."""

    def __init__(self, file: str, why: str) -> None:
        super().__init__(why)
        self.file = file


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


def answers_kept(results: ResultCache) -> list[Answer | str]:
    """What an interrupted call has left, in the order of the images: each part is named by where it begins."""
    found: list[Answer | str] = []
    while (part := results.read(str(len(found)))) is not None:
        frames = BytesIO(part.content)
        while (frame := read_frame(frames)) is not None:
            found.append(unpack_answer(frame))
    return found


def keep_answers(results: ResultCache, begin: int, answers: Sequence[Answer | str]) -> None:
    """Keep the answers of images that follow each other, the first of which is number `begin`.

    Raises:
        OutputError: they cannot be written.
    """
    frames = BytesIO()
    for answer in answers:
        write_frame(frames, pack_answer(answer))
    try:
        results.write(str(begin), frames.getvalue())
    except OSError as error:
        raise OutputError(f"{results.path} cannot be written: {error.strerror}.") from error


@contextmanager
def noting_a_lost_file(
    artifacts: Sequence[Artifact], results: ResultCache, cache_of: Callable[[Sequence[Artifact]], ResultCache]
) -> Iterator[None]:
    """Let the failure of a file with float16 be a `LostFileError`; what the others have answered goes into their cache.

    Args:
        artifacts: the files that run.
        results: their cache.
        cache_of: that of other files.
    """
    try:
        yield
    except BoardError as error:
        lost = next((each for each in artifacts if each.file == error.file), None)
        if lost is None or lost.precision is not Precision.INT8_FLOAT16:
            raise
        place = artifacts.index(lost)
        _hand_over(results, place, cache_of([*artifacts[:place], *artifacts[place + 1 :]]))
        raise LostFileError(lost.file, str(error).rstrip(".")) from error


def _hand_over(results: ResultCache, place: int, others: ResultCache) -> None:
    answers = [each if isinstance(each, str) else _without(each, place) for each in answers_kept(results)]
    with ExitStack() as stack:
        kept = opened_cache(others, stack)
        there = len(answers_kept(kept))  # of a call that was interrupted after the same failure
        if there < len(answers):
            keep_answers(kept, there, answers[there:])
    results.done()


def _without(answer: Answer, place: int) -> Answer:
    """The answer without that of one file."""
    seconds = (*answer.seconds[:place], *answer.seconds[place + 1 :])
    return replace(answer, logits=np.delete(answer.logits, place, axis=0), seconds=seconds)
