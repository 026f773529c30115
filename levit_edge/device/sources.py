"""The files that go to a board, in a package or over a connection: this folder's."""

from pathlib import Path

HOME = Path(__file__).parents[1]
SOURCES = (
    "__init__.py",
    *(f"device/{path.name}" for path in sorted((HOME / "device").glob("*.py")) if path.name != "run.py"),
)
"""Paths in levit_edge; `run.py` is left out, which packages have at their top."""
