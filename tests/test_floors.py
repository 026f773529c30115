"""Imports go down: each room of levit_edge knows only those below it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import levit_edge

FLOORS = (
    "device", "errors", "places", "text", "demo", "documents", "system", "model", "data", "bundle", "runtime",
    "benchmark", "package", "report", "hub", "board", "doctor", "quantize", "sweep", "cli",
)  # fmt: skip
"""From the ground up. `device` is what travels to a board, so it stands on nothing."""
ROOT = Path(levit_edge.__file__).parent
SOURCES = [path for path in sorted(ROOT.rglob("*.py")) if path.parent != ROOT or path.name != "__init__.py"]
EXCEPTIONS: frozenset[str] = frozenset()


def room_of(module: str) -> str:
    return module.split(".")[1]


def imports(path: Path) -> Iterator[str]:
    """The modules of levit_edge that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("levit_edge"):
            names = [f"{node.module}.{alias.name}" for alias in node.names] if node.module == "levit_edge" else []
            yield from names or [str(node.module)]
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("levit_edge."))


def test_every_file_stands_on_a_floor() -> None:
    assert {path.relative_to(ROOT).parts[0].removesuffix(".py") for path in SOURCES} == set(FLOORS)


def test_imports_go_down() -> None:
    upward = set()
    for path in SOURCES:
        own = path.relative_to(ROOT).parts[0].removesuffix(".py")
        for module in imports(path):
            if FLOORS.index(room_of(module)) > FLOORS.index(own):
                upward.add(f"{path.relative_to(ROOT)} -> {module}")
    assert upward == EXCEPTIONS


def test_what_runs_on_a_board_stands_alone() -> None:
    found = {module for path in (ROOT / "device").glob("*.py") for module in imports(path)}
    assert found
    assert {room_of(module) for module in found} == {"device"}
