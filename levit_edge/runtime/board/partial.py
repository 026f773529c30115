"""What came of an evaluation so far, in a file, so that one that was cut off can go on."""

import fcntl
import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from platformdirs import user_cache_path

from levit_edge.data.frames import read_frame, write_frame
from levit_edge.errors import BoardError, OutputError
from levit_edge.runtime.evaluation_worker import pack_answer, unpack_answer
from levit_edge.runtime.evaluator import Answer

__all__ = ["PartialEvaluation"]

LONGEST_FRAME = 1 << 26


class PartialEvaluation:
    """The answers of an evaluation by its key; use it in a `with` statement.

    `shape` is (models, classes) of every answer. The file lies in the user's cache folder. Answers that are not whole,
    as when the computer was switched off while they were written, are evaluated again.

    Raises:
        OutputError: the file cannot be written.
        BoardError: another process is at the same evaluation.
    """

    def __init__(self, key: str, shape: tuple[int, int], folder: Path | None = None) -> None:
        self._path = (folder or user_cache_path("levit-edge") / "evaluations") / key
        self.answers: list[Answer | str] = []
        """What there was at the beginning, in the order of the images."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a+b", buffering=0)
        except OSError as error:
            raise OutputError(f"{error.filename} cannot be written: {error.strerror}.") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise BoardError("the same evaluation is running in another process: wait for it, or end it.") from error
        self._load(shape)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def add(self, answers: Sequence[Answer | str]) -> None:
        """Keep what came of the next images."""
        try:
            for answer in answers:
                write_frame(self._file, pack_answer(answer))
        except OSError as error:
            raise OutputError(f"{self._path} cannot be written: {error.strerror}.") from error

    def done(self) -> None:
        """The evaluation is complete: the file is not needed any more."""
        self._path.unlink(missing_ok=True)

    def _load(self, shape: tuple[int, int]) -> None:
        self._file.seek(0)
        whole = 0
        while (frame := read_frame(self._file, LONGEST_FRAME)) is not None:
            try:
                answer = unpack_answer(frame)
            except (ValueError, TypeError, json.JSONDecodeError):
                break
            if isinstance(answer, Answer) and (answer.logits.shape != shape or len(answer.seconds) != shape[0]):
                break
            self.answers.append(answer)
            whole = self._file.tell()
        self._file.truncate(whole)
