"""How much memory there is, how want of it shows, and giving back what is not needed any more."""

import contextlib
import ctypes
import gc
from collections.abc import Iterator
from pathlib import Path

from levit_edge.device.small_files import figure_kb
from levit_edge.errors import MemoryShortageError

__all__ = [
    "available_bytes",
    "give_back_freed",
    "old_objects_left_alone",
    "private_peak_bytes",
    "ran_out_of_memory",
    "tells_of_shortage",
]

SAID = (
    "can't allocate memory",
    "bad_alloc",
    "failed to allocate memory",
    "cannot allocate memory",
    "memory allocation still failed",
    "memoryerror",
)
"""In what torch and ONNX Runtime raise in MemoryError's place, the system's calls, its loader and OpenBLAS say, and
libraries of the network make of it; some with a capital."""


def available_bytes(meminfo: Path = Path("/proc/meminfo")) -> int | None:
    """Memory that programs can have without others being moved to disk; None where the system does not tell."""
    available = figure_kb(str(meminfo), "MemAvailable")
    return None if available is None else 1024 * available


def private_peak_bytes(process: int) -> int | None:
    """What a running process had in memory at its peak that no other has; None where /proc does not tell.

    That is what it has now, and as much as its resident memory has shrunk since.
    """
    kinds = [figure_kb(f"/proc/{process}/smaps_rollup", f"Private_{kind}") for kind in ("Clean", "Dirty")]
    peak, now = (figure_kb(f"/proc/{process}/status", key) for key in ("VmHWM", "VmRSS"))
    known = [kb for kb in kinds if kb is not None]
    return 1024 * (sum(known) + max((peak or 0) - (now or 0), 0)) if known else None


def ran_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says so."""
    return isinstance(error, MemoryError | MemoryShortageError) or tells_of_shortage(str(error))


def tells_of_shortage(text: str) -> bool:
    """Whether a library that ran out of memory has written `text`."""
    return any(words in text.lower() for words in SAID)


def give_back_freed() -> None:
    """Let the system have what this process has freed: glibc keeps it, where other programs' memory may run out.

    Nothing happens with another C library.
    """
    gc.collect()
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


@contextlib.contextmanager
def old_objects_left_alone() -> Iterator[None]:
    """Let no search for garbage go through what was there before, which is mostly what was imported.

    With torch and ExecuTorch those are a million objects, and each search takes 0.4 s of processor time. Whoever has
    objects frozen already keeps them so.
    """
    if gc.get_freeze_count():
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
