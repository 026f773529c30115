"""What is at a path that a user gave: in words, for messages, and refused where another kind was expected."""

import stat
from pathlib import Path

from levit_edge.errors import LevitEdgeError

__all__ = ["found_at", "reason", "require_file", "unreadable"]


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
    if isinstance(error, FileNotFoundError | NotADirectoryError):  # the latter where a file stands for a folder of it
        return "does not exist"
    if isinstance(error, IsADirectoryError):
        return "is a folder"
    return f"cannot be read: {getattr(error, 'strerror', None) or error}"  # ValueError: a null character in the name


def reason(error: OSError | ValueError) -> str:
    """Why a path cannot be read, for behind a colon: `it does not exist`, `Permission denied`."""
    if isinstance(error, FileNotFoundError):
        return "it does not exist"
    return getattr(error, "strerror", None) or str(error)


def require_file(path: Path, expected: str, error: type[LevitEdgeError]) -> None:
    """Refuse, unread, what is no file.

    Raises:
        LevitEdgeError: of type `error`: what is there, and what was `expected`.
    """
    if (found := found_at(path)) != "is a file":
        raise error(f"{path} {found}; expected {expected}.")
