"""The tables of accuracy in README.md and docs/accuracy.md are those of the figures beside them."""

import re

import pytest

from benchmarks.accuracy_table import BLOCK, PAGES, figures, tables, with_tables
from benchmarks.quantizers import PEERS
from benchmarks.results import Comparison
from tests.conftest import REPOSITORY

FIGURES = figures()


@pytest.mark.skipif(not FIGURES, reason="docs/accuracy-*.json: not measured yet")
@pytest.mark.parametrize("page", PAGES)
def test_the_tables_are_those_of_the_figures(page: str) -> None:
    text = (REPOSITORY / page).read_text("utf-8")
    assert with_tables(text, tables(FIGURES)) == text, "python -m benchmarks.accuracy_table --write"


@pytest.mark.parametrize("found", FIGURES, ids=lambda each: each.model)
def test_every_quantizer_was_measured(found: Comparison) -> None:
    assert [row.key for row in found.rows] == [each.key for each in PEERS]


def test_every_table_has_its_place() -> None:
    text = "".join((REPOSITORY / page).read_text("utf-8") for page in PAGES)
    assert [each[2] for each in re.finditer(BLOCK, text)] == ["overview", "ours", "LeViT-128S", "LeViT-256"]
