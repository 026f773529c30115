"""Boards side by side: one self-contained page, and its figure."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from levit_edge.benchmark.comparison import ComparisonRow
from levit_edge.benchmark.measurement import Measurement
from levit_edge.report.figure import BLUE, GREEN, GREY, ORANGE, Drawing, mark, name_rows
from levit_edge.report.page import render
from levit_edge.text import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["boards_page", "boards_plot"]

ROW_INCHES, FRAME_INCHES, WIDTH_INCHES = 0.32, 1.5, 7.8
LABEL_CHARACTERS = 48


def boards_page(measurements: Sequence[Measurement], rows: Sequence[ComparisonRow]) -> str:
    """The page; every value from a measurement is escaped, and nothing is fetched from elsewhere.

    Args:
        measurements: what the rows are of, for what a row has no room for.
        rows: as `comparison_rows` gives them.

    Raises:
        RuntimeUnavailableError: Jinja2 or matplotlib is not installed.
    """
    return render("boards.html.jinja", measurements=measurements, rows=rows, plot=boards_plot(rows).inline())


def boards_plot(rows: Sequence[ComparisonRow]) -> Drawing:
    """fp32 and int8 on a logarithmic axis of time; rows without any time are left out."""
    timed = [row for row in rows if any(each is not None for each in (row.fp32_ms, row.int8_ms, row.int8_float16_ms))]
    height = FRAME_INCHES + ROW_INCHES * len(timed)
    return Drawing(WIDTH_INCHES, height, lambda figure, ink: _draw(figure.subplots(), timed, ink))


def _draw(axes: "Axes", rows: Sequence[ComparisonRow], ink: str) -> None:
    for place, row in enumerate(rows):
        if row.fp32_ms is not None and row.int8_ms is not None:
            axes.plot([row.int8_ms, row.fp32_ms], [place, place], color=GREY, linewidth=1.5, zorder=1)
        if row.speedup is not None and row.fp32_ms is not None and row.int8_ms is not None:
            right = max(row.fp32_ms, row.int8_ms)
            axes.annotate(
                f"× {row.speedup:.2f}", (right, place), (8, 0), textcoords="offset points", va="center", color=ink
            )
    for name, colour, marker, times in (
        ("fp32", ORANGE, "s", [row.fp32_ms for row in rows]),
        ("int8", BLUE, "o", [row.int8_ms for row in rows]),
        ("int8 with float16", GREEN, "D", [row.int8_float16_ms for row in rows]),
    ):
        if name == "int8 with float16" and not any(times):
            continue
        points = [(ms, place) for place, ms in enumerate(times) if ms is not None]
        mark(axes, points, marker, color=colour, markersize=6, label=name)
    axes.set_xscale("log", subs=(2, 5))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}")
    axes.set_xlabel("median time of one image, ms (logarithmic)")
    axes.margins(x=0.15)
    name_rows(axes, [_label(row) for row in rows])
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, frameon=False)


def _label(row: ComparisonRow) -> str:
    name = row.board if len(row.board) <= LABEL_CHARACTERS else row.board[: LABEL_CHARACTERS - 1] + "…"
    return f"{name}\n{row.model}, {row.runtime}, {counted(row.threads, 'thread')}"
