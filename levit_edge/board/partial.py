"""What came of an evaluation so far, in a file, so that one that was cut off can go on."""

import math
import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from levit_edge.device.protocol import read_frame, write_frame
from levit_edge.errors import BoardError, OutputError
from levit_edge.runtime.evaluation.evaluator import Answer
from levit_edge.runtime.evaluation.worker import pack_answer, unpack_answer
from levit_edge.system.result_cache import ResultCache

__all__ = ["PartialEvaluation"]

LONGEST_FRAME = 1 << 26


class PartialEvaluation:
    """The answers of an evaluation by all that determines them, its `inputs`; use it in a `with` statement.

    `shape` is (models, classes) of every answer. The file lies where `ResultCache` keeps things. Answers that are not
    whole, as when the computer was switched off while they were written, are evaluated again.

    Raises (on entering):
        OutputError: the file cannot be written.
        BoardError: another process is at the same evaluation.
    """

    def __init__(self, inputs: Mapping[str, str], shape: tuple[int, int], folder: Path | None = None) -> None:
        self._results, self._shape = ResultCache(inputs, folder), shape
        self._path = self._results.path / "answers"
        self._open = ExitStack()
        self.answers: list[Answer | str] = []
        """What there was at the beginning, in the order of the images."""

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            try:
                opening.enter_context(self._results)
                self._file = opening.enter_context(self._path.open("a+b", buffering=0))
            except BlockingIOError as error:
                raise BoardError(
                    "the same evaluation is running in another process: wait for it, or end it."
                ) from error
            except OSError as error:
                raise OutputError(
                    f"{error.filename} cannot be written: {error.strerror}. LEVIT_EDGE_CACHE names another"
                    " cache folder."
                ) from error
            self._load()
            self._open = opening.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not os.fstat(self._file.fileno()).st_size:
            self._path.unlink(missing_ok=True)
        self._open.close()

    def add(self, answers: Sequence[Answer | str]) -> None:
        """Keep what came of the next images."""
        try:
            for answer in answers:
                write_frame(self._file, pack_answer(answer))
        except OSError as error:
            raise OutputError(f"{self._path} cannot be written: {error.strerror}.") from error

    def done(self) -> None:
        """The evaluation is complete: the file is not needed any more."""
        self._results.done()

    def _load(self) -> None:
        self._file.seek(0)
        whole = 0
        while (frame := read_frame(self._file, LONGEST_FRAME)) is not None:
            try:
                answer = unpack_answer(frame)
            except Exception:  # whatever a damaged line makes of it
                break
            if isinstance(answer, Answer) and not _is_whole(answer, self._shape):
                break
            self.answers.append(answer)
            whole = self._file.tell()
        self._file.truncate(whole)


def _is_whole(answer: Answer, shape: tuple[int, int]) -> bool:
    timed = len(answer.seconds) == shape[0] and all(
        type(each) is float and 0 <= each < math.inf for each in answer.seconds
    )
    return timed and answer.logits.shape == shape and bool(np.isfinite(answer.logits).all())
