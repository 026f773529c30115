"""Boards side by side as one self-contained page."""

from collections.abc import Sequence

from levit_edge.benchmark.comparison import ComparisonRow
from levit_edge.benchmark.measurement import Measurement
from levit_edge.report.boards_plot import boards_plot
from levit_edge.report.page import render

__all__ = ["boards_page"]


def boards_page(measurements: Sequence[Measurement], rows: Sequence[ComparisonRow]) -> str:
    """The page; every value from a measurement is escaped, and nothing is fetched from elsewhere.

    Args:
        measurements: what the rows are of, for what a row has no room for.
        rows: as `comparison_rows` gives them.

    Raises:
        RuntimeUnavailableError: Jinja2 or matplotlib is not installed.
    """
    plot = boards_plot(rows).inline()
    return render("boards.html.jinja", measurements=measurements, rows=rows, plot=plot)
