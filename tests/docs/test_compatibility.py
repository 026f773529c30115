"""What the page on compatibility says was tried is a test that there is."""

import ast
import re

from tests.conftest import REPOSITORY

CITED = re.compile(r"`(?:tests/)?([\w/]+\.py)::(\w+)`")


def test_every_test_that_is_named_is_there() -> None:
    page = (REPOSITORY / "docs" / "compatibility.md").read_text(encoding="utf-8")
    cited = set(CITED.findall(page))
    assert len(cited) > 50
    absent = set()
    for file, name in cited:
        path = REPOSITORY / "tests" / file
        tree = ast.parse(path.read_text(encoding="utf-8")) if path.exists() else ast.Module([], [])
        if name not in {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}:
            absent.add(f"{file}::{name}")
    assert absent == set()
