"""Reads the small files in which Linux says what it knows."""

from __future__ import annotations


def read_text(path: str, limit: int = 1 << 16) -> str | None:
    """The first bytes of a small file, or None."""
    try:
        with open(path, "rb") as file:
            return file.read(limit).decode("utf-8", "replace").strip("\0\n ")
    except OSError:
        return None


def read_number(path: str) -> int | None:
    """The number in a small file, or None."""
    try:
        return int(read_text(path) or "")
    except ValueError:
        return None


def memory_kb(key: str) -> int | None:
    """A figure of /proc/meminfo, such as `MemTotal`, in KiB; None if it is not there."""
    for line in (read_text("/proc/meminfo") or "").splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    return None
