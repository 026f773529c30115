"""What is at a path that a user gave, in words. Runs with Python 3.9: packages for boards carry this file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from levit_edge.device.errors import DataError


def found_at(path: Path) -> str:
    """What is there, as a sentence about the path goes on: `does not exist`, `is a folder`, `is a file`."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        return unreadable(error)
    if stat.S_ISDIR(mode):
        return "is a folder"
    return "is a file" if stat.S_ISREG(mode) else "is neither a file nor a folder"


def unreadable(error: OSError | ValueError) -> str:
    """Why a path cannot be read, as a sentence about it goes on: `does not exist`, `cannot be read: …`."""
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):  # the latter where a file stands for a folder of it
        return "does not exist"
    if isinstance(error, IsADirectoryError):
        return "is a folder"
    return f"cannot be read: {getattr(error, 'strerror', None) or error}"  # ValueError: a null character in the name


def reason(error: OSError | ValueError) -> str:
    """Why a path cannot be read, for behind a colon: `it does not exist`, `Permission denied`."""
    if isinstance(error, FileNotFoundError):
        return "it does not exist"
    return getattr(error, "strerror", None) or str(error)


def require_unread(output: Path, read: Iterable[Path]) -> None:
    """Refuse to write over a file that is read.

    Raises:
        DataError: `output` is one of these, be it by another name.
    """
    try:
        there = output.stat()
    except (OSError, ValueError):  # nothing is there that could be lost
        return
    for path in read:
        with suppress(OSError, ValueError):
            if os.path.samestat(there, path.stat()):
                raise DataError(f"{path} is read, and --output {output} would take its place: choose another.")
