"""One process at a time: locks that the system takes back when their holder ends, however it ends."""

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from levit_edge.errors import OutputError
from levit_edge.system.signals import interrupts_wait

__all__ = ["lock", "output_lock"]

LONGEST_PID = 20


@contextmanager
def output_lock(output: Path, option: str) -> Iterator[None]:
    """Have the right to write one output while the body runs.

    It is a lock on the hidden file `.NAME.lock` beside the output, which holds the process id and goes when the body
    ends. One that a killed process left behind locks nothing, and the next run removes it.

    Raises:
        OutputError: another process has it, or the file cannot be made; it names the `option` that gave the path.
    """
    path = output.with_name(f".{output.name}.lock")
    with ExitStack() as undo:
        with interrupts_wait():
            descriptor = _locked(output, path, option)
            undo.callback(_release, path, descriptor)
            with suppress(OSError):  # a full disk: the lock holds all the same
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield


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


def _locked(output: Path, path: Path, option: str) -> int:
    try:
        descriptor = lock(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW)
    except BlockingIOError as error:
        raise OutputError(
            f"{output} is being written by another run{_holder(path)}: wait for it, or choose another {option}."
        ) from error
    except OSError as error:
        raise OutputError(
            f"{output} cannot be written: {error.strerror} ({path.name} beside it). Choose another {option}."
        ) from error
    if not re.fullmatch(rb"(?:[0-9]+\n)?", os.read(descriptor, LONGEST_PID + 1)):
        os.close(descriptor)
        raise OutputError(f"{path} is needed for a lock and holds something else: remove or rename it.")
    return descriptor


def _holder(path: Path) -> str:
    with suppress(OSError, ValueError):
        return f" (process {int(path.read_bytes()[:LONGEST_PID])})"
    return ""


def _release(path: Path, descriptor: int) -> None:
    with suppress(OSError):
        path.unlink()
    os.close(descriptor)
