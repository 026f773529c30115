"""What others wrote, put into messages: nothing is believed to have the right type, size or characters."""

import unicodedata
from collections.abc import Mapping, Sequence

from levit_edge.device.words import counted

__all__ = ["are", "brief", "counted", "entries", "faults", "listed", "number", "of_them", "reason", "shortened", "text"]

LISTED, NEXT_LINE = 10, "\n  "
MAX_ENTRIES = 4096
"""More cores, or thermal zones, than any board has."""


def text(value: object, limit: int) -> str:
    """At most `limit` printable characters on one line; empty if it is not text.

    Control characters and escape sequences, marks that turn the direction of writing, and halves of surrogate pairs are
    left out (Unicode's categories C), as the text ends up on terminals and web pages.
    """
    if not isinstance(value, str):
        return ""
    line = " ".join(value[: 4 * limit].split())
    return "".join(each for each in line if not unicodedata.category(each).startswith("C"))[:limit].strip()


def reason(value: object, limit: int) -> str:
    """As `text`, and never empty."""
    return text(value, limit) or "it does not say why"


def brief(value: object) -> str:
    """A value as Python writes it, so that no character of it acts on a terminal; shortened to 60."""
    try:
        text = repr(value)
    except RecursionError:
        return "nested too deeply"
    except ValueError:  # more digits than sys.get_int_max_str_digits: TOML has them in hexadecimal
        return "a number of thousands of digits"
    return text if len(text) <= 60 else text[:57] + "..."


def number(value: object, low: float, high: float) -> float | None:
    """A number from `low` to `high`; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if low <= value <= high else None


def entries(value: object) -> dict[str, object]:
    """The first entries of a JSON object; empty if it is none."""
    if not isinstance(value, Mapping):
        return {}
    return {str(key): item for key, item in list(value.items())[:MAX_ENTRIES]}


def are(count: int) -> str:
    """The verb behind so many things: `is` or `are`."""
    return "is" if count == 1 else "are"


def of_them(count: int) -> str:
    """Such as `1 of them is` and `2 of them are`."""
    return f"{count:,} of them {are(count)}"


def listed(names: Sequence[str], shown: int = 5, *, between: str = ", ", longest: int = 120) -> str:
    """The first names, each of at most so many characters, and how many more there are."""
    text = between.join(_shown(name, longest) for name in names[:shown])
    return text if len(names) <= shown else f"{text}{between.removeprefix(',')}and {len(names) - shown:,} more"


def faults(bad: Sequence[str], among: int, noun: str, what: str) -> str:
    """A message about some of things that a user named one by one: that fault itself, or how many there are and a list.

    Such as `2 of 5 photographs cannot be read:` with a line for each.
    """
    if len(bad) == 1:
        return bad[0]
    return f"{len(bad)} of {counted(among, noun)} {what}:\n  {listed(bad, LISTED, between=NEXT_LINE, longest=4000)}"


def shortened(name: str, longest: int) -> str:
    """Both ends of a long name: those of one list often begin alike."""
    return name if len(name) <= longest else f"{name[: (longest - 1) // 2]}…{name[-(longest // 2) :]}"


def _shown(name: str, longest: int) -> str:
    printable = name if name.isprintable() else ascii(name)
    return printable if len(printable) <= longest else printable[:longest] + "…"
