import pytest

from levit_edge.text import listed


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
