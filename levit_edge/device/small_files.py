"""What the system knows: mostly the small files in which Linux says it."""

from __future__ import annotations

import ctypes
import os
import re
import sys

AT_HWCAP = 16


def usable_cores() -> int:
    """The cores that this process may run on, or all where the system does not tell; at least 1."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def hardware_capabilities() -> int | None:
    """AT_HWCAP of getauxval(3): on ARM the features of all cores, by the bits of Linux's hwcap.h; None if not told."""
    try:
        getauxval = ctypes.CDLL(None).getauxval
        getauxval.restype = ctypes.c_ulong
        return int(getauxval(ctypes.c_ulong(AT_HWCAP)))
    except (OSError, AttributeError, TypeError):  # no C library, an older one, or none to be had by that name
        return None


def read_text(path: str, most: int = 1 << 16) -> str | None:
    """The first bytes of a file, 64 KiB if not told otherwise; or None."""
    try:
        with open(path, "rb") as file:
            return file.read(most).decode("utf-8", "replace").strip("\0\n ")
    except OSError:
        return None


def read_number(path: str) -> int | None:
    """The number in a small file, or None."""
    try:
        return int(read_text(path) or "")
    except ValueError:
        return None


def figure_kb(path: str, key: str) -> int | None:
    """A figure of /proc/meminfo or /proc/…/status, such as `MemTotal`, in KiB; None if it is not there."""
    found = re.search(rf"^{key}:[ \t]*([0-9]+) kB$", read_text(path) or "", re.MULTILINE)
    return None if found is None else int(found[1])


def process_peak_bytes(process: int | str) -> int | None:
    """The peak resident memory of a running process by its number, or `self`; None where /proc does not tell."""
    peak = figure_kb(f"/proc/{process}/status", "VmHWM")
    return None if peak is None else 1024 * peak


def peak_rss_bytes() -> int:
    """The largest resident memory of this process so far, or since it had that forgotten (proc_pid_clear_refs(5))."""
    peak = process_peak_bytes("self")
    if peak is not None:
        return peak
    import resource

    since_start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return since_start if sys.platform == "darwin" else 1024 * since_start
