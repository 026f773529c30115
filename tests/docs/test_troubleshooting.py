import ast
import re
from collections.abc import Iterator

import pytest

from levit_edge.text import counted, of_them
from tests.conftest import REPOSITORY
from tests.docs.pages import tokens

PAGE = REPOSITORY / "docs/troubleshooting.md"
FEWEST_LETTERS = 15
"""That must remain of a message without what differs: less would be found anywhere."""


def quoted() -> list[str]:
    """The messages in the first column of the page's tables."""
    found, parsed = [], tokens(PAGE)
    for place, token in enumerate(parsed):
        if token.type == "tr_open" and parsed[place + 1].type == "td_open":
            (code,) = [child for child in parsed[place + 2].children or () if child.content.strip()]
            assert code.type == "code_inline", code.content
            found.append(code.content)
    return found


def texts() -> Iterator[str]:
    """Every text in the code, with `…` for what is filled in."""
    for module in (REPOSITORY / "levit_edge").rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                yield "".join(map(filled_in, node.values))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def filled_in(part: ast.expr) -> str:
    """A part of a text that is filled in: `…`, or `… images` of what is counted."""
    match part:
        case ast.Constant(value=value):
            return str(value)
        case ast.FormattedValue(value=ast.Call(func=ast.Name(id="counted"), args=[_, ast.Constant(value=noun)])):
            return counted(2, str(noun)).replace("2", "…")
        case ast.FormattedValue(value=ast.Call(func=ast.Name(id="of_them"))):
            return of_them(2).replace("2", "…")
    return "…"


def is_of(message: str, text: str) -> bool:
    """Whether the parts of `message` between `…` follow each other in `text`."""
    return re.search(".*".join(re.escape(part.strip()) for part in message.split("…")), text) is not None


@pytest.fixture(scope="module")
def code() -> list[str]:
    return list(texts())


@pytest.mark.parametrize("message", quoted())
def test_a_quoted_message_is_one_of_the_code(message: str, code: list[str]) -> None:
    assert len(re.sub(r"[…\W]", "", message)) >= FEWEST_LETTERS, "too little of it to be found by"
    assert any(is_of(message, text) for text in code)


def test_a_message_that_changed_is_noticed() -> None:
    text = "… has … outputs, expected 3 of them."
    assert is_of("… has … outputs, expected 3 of them.", text)
    assert is_of("outputs, … 3", text)
    assert not is_of("… has … outputs, wanted 3 of them.", text)
    assert not is_of("… has outputs, expected 3 of them.", text)
    assert not is_of("3 of them. … outputs", text)
