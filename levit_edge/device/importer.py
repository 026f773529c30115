"""Imports modules from memory: nothing of ours comes to lie on a board's disk, which may be read-only or full.

What is sent to a board is the text of this file, and behind it a call of `install` with the texts of the others.
"""

from __future__ import annotations

import sys
from importlib.abc import ExecutionLoader, MetaPathFinder
from importlib.util import spec_from_loader
from typing import Any


class TextImporter(MetaPathFinder, ExecutionLoader):
    """Finds and loads modules by their texts: path -> text, such as `levit_edge/device/agent.py`."""

    def __init__(self, texts: dict[str, str]) -> None:
        self._texts = texts

    def find_spec(self, fullname: str, *_: Any) -> Any:
        """For one of these modules; None for all others."""
        return spec_from_loader(fullname, self) if self.get_filename(fullname) in self._texts else None

    def is_package(self, fullname: str) -> bool:
        """Whether it is a folder."""
        return f"{fullname.replace('.', '/')}/__init__.py" in self._texts

    def get_filename(self, fullname: str) -> str:
        """Its path; `fullname` may be no module of these."""
        return fullname.replace(".", "/") + ("/__init__.py" if self.is_package(fullname) else ".py")

    def get_source(self, fullname: str) -> str:
        """For the compiler, and for tracebacks."""
        return self._texts[self.get_filename(fullname)]


def install(texts: dict[str, str]) -> None:
    """Let these modules be imported, before any others of their names."""
    sys.meta_path.insert(0, TextImporter(texts))
