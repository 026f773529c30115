"""What names of classes have in common however they are written."""

import re
import unicodedata
from collections.abc import Sequence

__all__ = ["Forms", "normal_form", "same_class"]


def normal_form(name: str) -> str:
    """A name without what people write differently: case, and spaces, underscores and hyphens between words."""
    return " ".join(re.split(r"[\s_-]+", unicodedata.normalize("NFKC", name).casefold())).strip()


def _parts(name: str) -> set[str]:
    """The normal forms of the names in a list such as ImageNet's "tench, Tinca tinca"."""
    return {normal_form(part) for part in name.split(",")} - {""}


def same_class(name: str, spellings: Sequence[str]) -> bool:
    """Whether a name in the list `name` is one of those in `spellings`, in normal form."""
    return not _parts(name).isdisjoint({form for spelling in spellings for form in _parts(spelling)})


class Forms:
    """Where a model's names stand, by their normal forms: looked up, as a thousand labels meet a thousand names."""

    def __init__(self, names: Sequence[str]) -> None:
        self.whole: dict[str, set[int]] = {}
        """Of each name."""
        self.parts: dict[str, set[int]] = {}
        """Of each of the names that a name lists."""
        for place, name in enumerate(names):
            self.whole.setdefault(normal_form(name), set()).add(place)
            for part in _parts(name):
                self.parts.setdefault(part, set()).add(place)

    def places(self, spellings: Sequence[str]) -> list[int]:
        """The outputs whose name is one of `spellings`; where none is, those of whose names one is in them."""
        whole = (self.whole.get(normal_form(spelling), set()) for spelling in spellings)
        parts = (self.parts.get(part, set()) for spelling in spellings for part in _parts(spelling))
        return sorted(set[int]().union(*whole) or set[int]().union(*parts))
