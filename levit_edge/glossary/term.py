"""One word of the glossary, and how one is found by what somebody types."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches

__all__ = ["Term", "find", "near"]

NEAR = 3


@dataclass(frozen=True, kw_only=True)
class Term:
    """One word."""

    name: str
    also: tuple[str, ...] = ()
    """Other words for it, column headings of tables among them."""
    meaning: str
    """Two or three sentences; the first one stands alone in the list."""
    formula: str = ""
    """In ASCII, as terminals have it; with what its letters are."""
    page: str
    """Where there is more: a page of docs/, with an anchor."""

    @property
    def brief(self) -> str:
        """The first sentence."""
        return self.meaning.partition(". ")[0].removesuffix(".") + "."

    @property
    def names(self) -> tuple[str, ...]:
        """All that it is called."""
        return (self.name, *self.also)


def find(word: str, terms: tuple[Term, ...]) -> Term | None:
    """The term that is called so, whatever its case, spaces, hyphens and underscores."""
    return next((term for key, term in _keys(terms) if key == _key(word)), None)


def near(word: str, terms: tuple[Term, ...]) -> list[str]:
    """The names of at most three terms that may have been meant: those that hold the word, then those written alike."""
    keys, key = dict(_keys(terms)), _key(word)
    holding = [each for each in keys if len(key) > 1 and key in each]
    alike = get_close_matches(key, keys, n=NEAR, cutoff=0.6)
    return list(dict.fromkeys(keys[each].name for each in (*holding, *alike)))[:NEAR]


def _keys(terms: tuple[Term, ...]) -> Iterator[tuple[str, Term]]:
    return ((_key(name), term) for term in terms for name in term.names)


def _key(word: str) -> str:
    return "".join(each for each in word.casefold() if each.isalnum())
