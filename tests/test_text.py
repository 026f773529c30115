import sys

import pytest

from levit_edge.text import brief, counted, listed, of_them


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["a", "b"], "a, b"),
        (["a", "b", "c", "d", "e"], "a, b, c, d, e"),
        (["a", "b", "c", "d", "e", "f", "g"], "a, b, c, d, e and 2 more"),
        (["a\nb", "\x1b[2J"], r"'a\nb', '\x1b[2J'"),
        (["x" * 121], "x" * 120 + "…"),
    ],
)
def test_listed(names: list[str], text: str) -> None:
    assert listed(names) == text


def test_listed_as_lines() -> None:
    """Each of its own, and how many more there are; a list that fits ends with its last."""
    names = ["x" * 200, *map(str, range(1300))]
    assert listed(names, 2, between="\n  ", longest=300) == "x" * 200 + "\n  0\n  and 1,299 more"
    assert listed(names[1:3], 2, between="\n  ") == "0\n  1"


def test_what_is_counted_has_its_number() -> None:
    assert [counted(count, "thread") for count in (0, 1, 2)] == ["0 threads", "1 thread", "2 threads"]
    assert [counted(count, "class name") for count in (1, 1000)] == ["1 class name", "1,000 class names"]
    assert [counted(count, "class") for count in (1, 10)] == ["1 class", "10 classes"]
    assert [of_them(count) for count in (1, 2000)] == ["1 of them is", "2,000 of them are"]
    assert [counted(count, "entry") for count in (1, 10)] == ["1 entry", "10 entries"]
    assert counted(2, "array") == "2 arrays"


def test_a_value_of_others_is_brief_and_acts_on_no_terminal() -> None:
    nested: list[object] = []
    for _ in range(sys.getrecursionlimit()):
        nested = [nested]
    assert brief("\x1b[2J\n\u202e") == r"'\x1b[2J\n\u202e'"
    assert len(brief({"x" * 10_000: 1})) == 60
    assert brief(nested) == "nested too deeply"
    assert brief([1 << 24_000]) == "a number of thousands of digits"
