"""What a process that runs model files of others takes of this machine, and says on its terminal.

The runtimes parse model files in native code: a damaged or hostile one can end the process, keep it busy for ever, or
ask for all memory. So `levit_edge.runtime.evaluation.worker` and `levit_edge.runtime.inspect.worker` are processes of
their own, and confine themselves. That bounds accidents; it is no sandbox.
"""

import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from signal import SIG_DFL, SIGABRT, SIGALRM, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP, SIGXCPU, alarm, signal
from traceback import print_exception
from typing import NoReturn

from levit_edge import errors
from levit_edge.errors import DataError, LevitEdgeError, RuntimeUnavailableError
from levit_edge.system.worker import Channel

__all__ = ["MEMORY_BYTES", "at_most", "fault_document", "raise_death", "raise_fault", "set_limits"]

MEMORY_BYTES = 4 << 30
"""The most writable memory (RLIMIT_DATA). The four files of a LeViT-128S and their runtimes take half a GiB."""
CRASHES = {SIGABRT, SIGALRM, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP, SIGXCPU}
"""How native code ends."""


def set_limits() -> None:
    """Limit this process's memory, let it leave no core file, and silence it but for the traceback that ends it."""
    for kind, limit in ((resource.RLIMIT_DATA, MEMORY_BYTES), (resource.RLIMIT_CORE, 0)):
        with suppress(ValueError, OSError):  # a lower limit is set already
            resource.setrlimit(kind, (limit, limit))
    terminal = os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")
    sys.excepthook = lambda _kind, error, _at: print_exception(error, file=terminal)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - a device, not a path
        for descriptor in (1, 2):
            os.dup2(nowhere.fileno(), descriptor)


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """End this process by SIGALRM if the body takes longer: native code that hangs hears no exception."""
    signal(SIGALRM, SIG_DFL)
    alarm(seconds)
    try:
        yield
    finally:
        alarm(0)


def fault_document(error: LevitEdgeError) -> dict[str, str]:
    """An error as it goes through the pipe to whoever started this process."""
    return {"error": type(error).__name__, "message": str(error)}


def raise_fault(document: dict[str, str]) -> NoReturn:
    """Raise the error that `fault_document` was given."""
    raise getattr(errors, document["error"])(document["message"])


def raise_death(process: Channel, what: str, suspect: str) -> NoReturn:
    """Say how a process ended that gave no answer.

    Args:
        process: the one.
        what: what it was doing, as in `int8.pte: the process that loaded it`.
        suspect: what may have led it astray, as in `the file`.

    Raises:
        RuntimeUnavailableError: as native code ends, or by its own time limit.
        DataError: by itself, or was killed from outside or for want of memory.
    """
    reason = process.exit_reason()
    if -process.exit_status() in CRASHES:
        raise RuntimeUnavailableError(
            f"{what} crashed ({reason}): {suspect} is damaged or hostile, or the runtime does not fit this machine."
        )
    raise DataError(f"{what} died ({reason})")
