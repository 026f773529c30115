"""How measurements of boards are printed beside each other: a table that fits 80 columns."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from levit_edge.benchmark.comparison import ComparisonRow
from levit_edge.cli.show.fitting_table import decimal, fits, print_lines
from levit_edge.cli.terminal.console import say

__all__ = ["print_boards"]

HEADINGS = ("board", "cores", "runtime", "thr.", "fp32\nms", "int8\nms", "×", "date")
FLOAT16, FLOAT16_AT = "f16\nms", 6
"""The heading behind int8's, where some board has such times."""
BOARD_COLUMNS, CORE_COLUMNS = 16, 14
NARROWER = 6
"""What the first is less then."""


def print_boards(rows: Sequence[ComparisonRow], console: Console) -> None:
    """One table for each model, then what was found on each board."""
    for model in dict.fromkeys(row.model for row in rows):
        say(model, "bold", to=console, wrap=True)
        own = [row for row in rows if row.model == model]
        float16 = any(row.int8_float16_ms is not None for row in own)
        headings = (*HEADINGS[:FLOAT16_AT], *((FLOAT16,) if float16 else ()), *HEADINGS[FLOAT16_AT:])
        cells = _cells(own, float16=float16)
        if fits(table := _table(headings, cells), console):
            console.print(table)
        else:
            print_lines(console, headings, {"": cells})
    findings = dict.fromkeys((row.board, row.date, finding) for row in rows for finding in row.findings)
    for board, date, finding in findings:
        say(f"{board}, {date}: {finding}", to=console)


def _table(headings: Sequence[str], cells: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    board, cores, runtime, *figures = headings
    less = NARROWER * (len(headings) - len(HEADINGS))
    table.add_column(board, width=BOARD_COLUMNS - less, overflow="fold")
    table.add_column(cores, width=CORE_COLUMNS, overflow="fold")
    table.add_column(runtime, no_wrap=True)
    for heading in figures:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in cells:
        table.add_row(*map(Text, row))
    return table


def _cells(rows: Sequence[ComparisonRow], *, float16: bool) -> list[tuple[str, ...]]:
    """A board's name and cores stand in its first row alone."""
    cells: list[tuple[str, ...]] = []
    shown = None
    for row in rows:
        board = row.board + (" (emulated: no times)" if row.emulator else "")
        names = ("", "") if row.measurement == shown else (board, row.cores)
        measured = [row.fp32_ms, row.int8_ms, *([row.int8_float16_ms] if float16 else [])]
        cells.append(
            (*names, row.runtime, str(row.threads), *map(_milliseconds, measured), decimal(row.speedup), row.date)
        )
        shown = row.measurement
    return cells


def _milliseconds(value: float | None) -> str:
    return decimal(value, 2 if value is None or value < 100 else 0)
