"""How names that come from a file are shown in a message: few, short and printable."""

from collections.abc import Sequence

__all__ = ["listed"]

SHOWN = 5
LONGEST_NAME = 120


def _shown(name: str) -> str:
    printable = name if name.isprintable() else ascii(name)
    return printable if len(printable) <= LONGEST_NAME else printable[:LONGEST_NAME] + "…"


def listed(names: Sequence[str]) -> str:
    """The first five names, and how many more there are."""
    text = ", ".join(_shown(name) for name in names[:SHOWN])
    return text if len(names) <= SHOWN else f"{text} and {len(names) - SHOWN} more"
