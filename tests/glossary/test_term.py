import pytest

from levit_edge.glossary.term import Term, find, near
from levit_edge.glossary.terms import TERMS

NAMES = [term.name for term in TERMS]


def named(word: str) -> str | None:
    found = find(word, TERMS)
    return found.name if found else None


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("SQNR", "SQNR"),
        ("sqnr", "SQNR"),
        ("Dynamic Layer", "dynamic layer"),
        ("dynamic-layer", "dynamic layer"),
        ("dynamic", "dynamic layer"),
        ("top5", "top-1"),
        ("Top 1", "top-1"),
        ("p90", "percentile times"),
        ("95% interval", "interval"),
        ("drop pt", "drop"),
        ("sqrn", None),
        ("", None),
        ("%", None),
    ],
)
def test_a_term_is_found_by_each_of_its_names_however_it_is_written(word: str, name: str | None) -> None:
    assert named(word) == name


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("sqrn", ["SQNR"]),
        ("agreemnt", ["agreement"]),
        ("equal", ["equalization"]),
        ("layer", ["dynamic layer", "equalization", "float layer"]),
        ("xyzzy", []),
        ("", []),
    ],
)
def test_terms_that_may_have_been_meant(word: str, names: list[str]) -> None:
    assert near(word, TERMS) == names


def test_no_two_terms_share_a_name() -> None:
    for term in TERMS:
        assert [named(each) for each in term.names] == [term.name] * len(term.names)


def test_terms_are_in_the_order_of_the_alphabet() -> None:
    assert sorted(NAMES, key=str.casefold) == NAMES


@pytest.mark.parametrize("term", TERMS, ids=NAMES)
def test_a_term_is_a_few_sentences_and_a_formula_that_every_terminal_has(term: Term) -> None:
    assert 1 <= len(term.meaning.split(". ")) <= 4
    assert term.meaning.startswith(term.brief)
    assert term.meaning.endswith(".")
    assert (term.meaning + term.formula).isascii()
