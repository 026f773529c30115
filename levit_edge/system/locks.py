"""One process at a time: locks that the system takes back when their holder ends, however it ends."""

import fcntl
import os
import re
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from levit_edge.errors import OutputError
from levit_edge.system.signals import interrupts_wait

__all__ = ["OutputLock", "lock"]

LONGEST_PID = 20


class OutputLock:
    """The right to write one output, for as long as the `with` block lasts.

    It is a lock on the hidden file `.NAME.lock` beside the output, which holds the process id and goes when the block
    ends. One that a killed process left behind locks nothing, and the next run removes it.

    Raises:
        OutputError: another process has it, or the file cannot be made; it names the `option` that gave the path.
    """

    def __init__(self, output: Path, option: str) -> None:
        self._output, self._option = output, option
        self._path = output.with_name(f".{output.name}.lock")

    def __enter__(self) -> Self:
        with ExitStack() as undo:
            with interrupts_wait():
                self._descriptor = self._locked()
                undo.callback(self._release)
                with suppress(OSError):  # a full disk: the lock holds all the same
                    os.ftruncate(self._descriptor, 0)
                    os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
            undo.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._release()

    def _locked(self) -> int:
        try:
            descriptor = lock(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW)
        except BlockingIOError as error:
            raise OutputError(
                f"{self._output} is being written by another run{self._holder()}: wait for it, or choose another"
                f" {self._option}."
            ) from error
        except OSError as error:
            raise OutputError(
                f"{self._output} cannot be written: {error.strerror} ({self._path.name} beside it). Choose another"
                f" {self._option}."
            ) from error
        if not _is_ours(os.read(descriptor, LONGEST_PID + 1)):
            os.close(descriptor)
            raise OutputError(f"{self._path} is needed for a lock and holds something else: remove or rename it.")
        return descriptor

    def _release(self) -> None:
        with suppress(OSError):
            self._path.unlink()
        os.close(self._descriptor)

    def _holder(self) -> str:
        with suppress(OSError, ValueError):
            return f" (process {int(self._path.read_bytes()[:LONGEST_PID])})"
        return ""


def lock(path: Path, flags: int) -> int:
    """Open `path` with `flags` and lock it; returns the descriptor, which holds the lock until it is closed.

    Raises:
        BlockingIOError: another process holds it.
        OSError: it cannot be opened, or its file system has no locks.
    """
    while True:
        descriptor = os.open(path, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _names(path, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # its holder has just removed it: again, with what is there now


def _names(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _is_ours(content: bytes) -> bool:
    return re.fullmatch(rb"(?:[0-9]+\n)?", content) is not None
