"""Words of messages: counted things, and names of others. Runs with Python 3.9: packages for boards carry this file."""

import re

_ACTING = {
    code: ascii(chr(code))[1:-1]
    for code in (
        *range(9),
        *range(11, 32),
        *range(127, 160),
        *range(0x2028, 0x202F),
        *range(0x2066, 0x206A),
    )
}
"""Control characters but for tab and line feed, and the marks that break lines or turn the direction of writing."""


def counted(count: int, noun: str) -> str:
    """Such as `1 thread`, `2 classes` and `50,000 images`; the last word of `noun` is regular."""
    if count == 1:
        return f"1 {noun}"
    ending = "es" if noun.endswith(("s", "x", "ch", "sh")) else "s"
    plural = f"{noun[:-1]}ies" if re.search("[^aeiou]y$", noun) else noun + ending
    return f"{count:,} {plural}"


def harmless(text: str) -> str:
    r"""`text` with what would act on a terminal written as Python writes it: `\x1b` for an escape."""
    return text.translate(_ACTING)


def on_one_line(name: str) -> str:
    """As `harmless`, of a name that must not look like several lines or columns."""
    return harmless(name).replace("\n", "\\n").replace("\t", "\\t")
