"""Counted things in messages. Runs with Python 3.9: packages for boards carry this file."""

import re


def counted(count: int, noun: str) -> str:
    """Such as `1 thread`, `2 classes` and `50,000 images`; the last word of `noun` is regular."""
    if count == 1:
        return f"1 {noun}"
    ending = "es" if noun.endswith(("s", "x", "ch", "sh")) else "s"
    plural = f"{noun[:-1]}ies" if re.search("[^aeiou]y$", noun) else noun + ending
    return f"{count:,} {plural}"
