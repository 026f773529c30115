"""A table that fits its terminal: no cell is cut or wrapped; columns that matter least are left out."""

from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from levit_edge.cli.terminal.console import say

__all__ = ["decimal", "fits", "print_lines", "print_table"]

ANY_COLUMNS = 10_000
GAPS = (2, 1)
"""Blanks between columns: as many as there is room for."""


def print_table(
    console: Console,
    headings: Sequence[str],
    groups: Mapping[str, Sequence[Sequence[str]]],
    *,
    spare: Sequence[str] = (),
    left: Sequence[str] = (),
) -> None:
    """Print groups of rows, each under its title unless that is empty; columns in `left` are aligned to the left.

    If the console is too narrow, the columns in `spare` go, the first one first, and a line says so. If that is not
    enough, every figure has a line of its own.
    """
    columns = zip(headings, *(row for group in groups.values() for row in group), strict=True)
    widths = [max(cell_len(line) for text in column for line in text.split("\n")) for column in columns]
    for gone, gap in [(gone, gap) for gone in range(len(spare) + 1) for gap in GAPS]:
        shown = [place for place, heading in enumerate(headings) if heading not in spare[:gone]]
        if sum(widths[place] + gap for place in shown) - gap <= console.width:
            break
    else:
        print_lines(console, headings, groups)
        return

    def part(rows: Sequence[Sequence[str]], *, header: bool) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold", show_header=header)
        for place in shown:
            table.add_column(headings[place], justify="right", no_wrap=True, min_width=widths[place])
            if headings[place] in left:
                table.columns[-1].justify = "left"
        for row in rows:
            table.add_row(*(Text(row[place]) for place in shown))
        return table

    console.print(part((), header=True))
    for title, group in groups.items():
        if title:
            say(title, "bold", to=console)
        if group:
            console.print(part(group, header=False))
    if gone:
        names = ", ".join(name.replace("\n", " ") for name in spare[:gone])
        say(f"left out on {console.width} columns: {names}; --json has all", "dim", to=console, wrap=True)


def fits(table: Table, console: Console) -> bool:
    """Whether no word of a table has to be cut."""
    return console.measure(table, options=console.options.update(max_width=ANY_COLUMNS)).minimum <= console.width


def print_lines(console: Console, headings: Sequence[str], groups: Mapping[str, Sequence[Sequence[str]]]) -> None:
    """Groups of rows where no table fits: the first cell of each row, and under it its others with their headings."""
    for title, group in groups.items():
        if title:
            say(title, "bold", to=console)
        for first, *others in group:
            if first:
                say(first, "bold", to=console)
            for heading, text in zip(headings[1:], others, strict=True):
                if not text:
                    continue
                say(f"  {' '.join(heading.split())}: {' '.join(text.split())}", to=console)


def decimal(value: float | None, digits: int = 2) -> str:
    """A number for a cell; a dash for None."""
    return "–" if value is None else f"{value:.{digits}f}"
