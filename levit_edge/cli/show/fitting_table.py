"""A table that fits its terminal: no cell is cut or wrapped; columns that matter least are left out."""

from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

__all__ = ["print_grouped_table", "print_table"]

GAPS = (2, 1)
"""Blanks between columns: as many as there is room for."""


def print_table(
    console: Console,
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    spare: Sequence[str] = (),
    left: Sequence[str] = (),
) -> None:
    """Print `rows` under `headings`, of which those in `left` are aligned to the left.

    If the console is too narrow, the columns in `spare` go, the first one first, and a line says so.
    """
    print_grouped_table(console, headings, {"": rows}, spare=spare, left=left)


def print_grouped_table(
    console: Console,
    headings: Sequence[str],
    groups: Mapping[str, Sequence[Sequence[str]]],
    *,
    spare: Sequence[str] = (),
    left: Sequence[str] = (),
) -> None:
    """As `print_table`, with the title of each group of rows, unless it is empty, on a line of its own above them."""
    rows = [row for group in groups.values() for row in group]
    gone = 0
    while (gap := _fitting_gap(console, headings, rows, without=spare[:gone], left=left)) is None and gone < len(spare):
        gone += 1
    widths = [_width(heading, *(row[index] for row in rows)) for index, heading in enumerate(headings)]

    def part(of: Sequence[Sequence[str]], *, header: bool) -> Table:
        table = _table(headings, of, gap or GAPS[-1], without=spare[:gone], left=left, widths=widths)
        table.show_header = header
        return table

    console.print(part((), header=True))
    for title, group in groups.items():
        if title:
            console.print(title, style="bold", markup=False, highlight=False, soft_wrap=True)
        if group:
            console.print(part(group, header=False))
    if gone:
        names = ", ".join(name.replace("\n", " ") for name in spare[:gone])
        console.print(
            f"left out on {console.width} columns: {names}; --json has all", markup=False, highlight=False, style="dim"
        )


def _fitting_gap(
    console: Console,
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    without: Sequence[str],
    left: Sequence[str],
) -> int | None:
    endless = console.options.update(max_width=10_000)
    for gap in GAPS:
        table = _table(headings, rows, gap, without=without, left=left)
        if Measurement.get(console, endless, table).maximum <= console.width:
            return gap
    return None


def _table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    gap: int,
    *,
    without: Sequence[str],
    left: Sequence[str],
    widths: Sequence[int] | None = None,
) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold")
    shown = [index for index, heading in enumerate(headings) if heading not in without]
    for index in shown:
        table.add_column(
            headings[index],
            justify="left" if headings[index] in left else "right",
            no_wrap=True,
            min_width=widths[index] if widths else None,
        )
    for row in rows:
        table.add_row(*(Text(row[index]) for index in shown))
    return table


def _width(*texts: str) -> int:
    return max(cell_len(line) for text in texts for line in text.split("\n"))
