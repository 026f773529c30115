"""The two orders in which people's tools number class folders, and whether they are one."""

import re
from collections.abc import Sequence

from levit_edge.errors import DataError
from levit_edge.text import listed, shortened

__all__ = ["require_certain_order"]


def require_certain_order(source: object, labels: Sequence[str]) -> None:
    """Refuse labels that torchvision's `ImageFolder` and timm sort differently.

    Raises:
        DataError: they do; both orders are shown.
    """
    as_text, as_timm = sorted(labels), sorted(labels, key=_natural_key)
    if as_text == as_timm:
        return
    here = next(place for place, pair in enumerate(zip(as_text, as_timm, strict=True)) if pair[0] != pair[1])
    raise DataError(
        f"{source}: nothing says in which order the model has these labels. As torchvision sorts them, as text "
        f"({listed(as_text)}), output {here} is {_quoted(as_text[here])}; as timm sorts them, by numbers and without "
        f"case ({listed(as_timm)}), it is {_quoted(as_timm[here])}. Write the labels into a file in the order that the "
        "network was trained with, one on each line, and give it as --classes FILE."
    )


def _natural_key(label: str) -> list[tuple[int, str]]:
    """What sorts labels as timm's `natural_key` does (`timm/data/readers/reader_image_folder.py`)."""
    text_and_numbers = re.split(r"([0-9]+)", label.lower())  # one after the other
    numbers = [part.lstrip("0") if place % 2 else part for place, part in enumerate(text_and_numbers)]
    return [(len(part) if place % 2 else 0, part) for place, part in enumerate(numbers)]


def _quoted(label: str) -> str:
    return repr(shortened(label, 60))
