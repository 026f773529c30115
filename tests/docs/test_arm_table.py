"""The table of instructions in docs/performance.md is that of the figures beside it."""

from benchmarks.arm.__main__ import contenders
from benchmarks.arm.results import ArmComparison
from benchmarks.arm.table import markdown
from levit_edge.documents import from_json, read_json
from levit_edge.errors import DataError
from tests.conftest import REPOSITORY

FIGURES = REPOSITORY / "docs/arm.json"


def test_the_table_is_that_of_the_figures() -> None:
    found = from_json(ArmComparison, read_json(FIGURES, DataError, "arm.json"), DataError, "arm.json")
    assert markdown(found) in (REPOSITORY / "docs/performance.md").read_text("utf-8")
    assert [(row.runtime, row.name) for row in found.rows] == [(each.engine, each.name) for each in contenders()]
