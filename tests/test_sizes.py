"""Files and functions stay short enough to be read at one go."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
SOURCES = [
    path
    for folder in ("levit_edge", "tests", "benchmarks", "fuzz", "scripts")
    for path in sorted((REPOSITORY / folder).rglob("*.py"))
]
MOST_LINES = 400
MOST_LINES_OF_A_FUNCTION = 60


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_files_and_functions_are_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    assert {name: lines for name, lines in functions(text) if lines > MOST_LINES_OF_A_FUNCTION} == {}


def functions(text: str) -> Iterator[tuple[str, int]]:
    """The name of each function, and its lines."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or 0) - node.lineno + 1
