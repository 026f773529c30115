"""What is at a path that a user gave: in words, for messages, and refused where another kind was expected."""

from pathlib import Path

from levit_edge.device.places import found_at, reason, unreadable
from levit_edge.errors import LevitEdgeError

__all__ = ["found_at", "reason", "require_file", "unreadable"]


def require_file(path: Path, expected: str, error: type[LevitEdgeError]) -> None:
    """Refuse, unread, what is no file.

    Raises:
        LevitEdgeError: of type `error`: what is there, and what was `expected`.
    """
    if (found := found_at(path)) != "is a file":
        raise error(f"{path} {found}; expected {expected}.")
