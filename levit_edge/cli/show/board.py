"""How measurements of boards are printed beside each other: a table that fits 80 columns."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from levit_edge.benchmark.comparison import ComparisonRow

__all__ = ["print_boards"]

BOARD_COLUMNS, CORE_COLUMNS = 16, 14


def print_boards(rows: Sequence[ComparisonRow], console: Console) -> None:
    """One table for each model, then what was found on each board."""
    for model in dict.fromkeys(row.model for row in rows):
        console.print(model, style="bold", markup=False, highlight=False)
        console.print(_table([row for row in rows if row.model == model]))
    findings = dict.fromkeys((row.board, row.date, finding) for row in rows for finding in row.findings)
    for board, date, finding in findings:
        console.print(f"{board}, {date}: {finding}", markup=False, highlight=False, soft_wrap=True)


def _table(rows: Sequence[ComparisonRow]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("board", width=BOARD_COLUMNS, overflow="fold")
    table.add_column("cores", width=CORE_COLUMNS, overflow="fold")
    table.add_column("runtime", no_wrap=True)
    for heading in ("thr.", "fp32\nms", "int8\nms", "×", "date"):
        table.add_column(heading, justify="right", no_wrap=True)
    shown = None
    for row in rows:
        board = row.board + (" (emulated: no times)" if row.emulator else "")
        names = ("", "") if row.measurement == shown else (board, row.cores)
        table.add_row(*map(Text, (*names, row.runtime, str(row.threads), *_times(row), row.date)))
        shown = row.measurement
    return table


def _times(row: ComparisonRow) -> tuple[str, str, str]:
    speedup = "–" if row.speedup is None else f"{row.speedup:.2f}"
    return _milliseconds(row.fp32_ms), _milliseconds(row.int8_ms), speedup


def _milliseconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.{2 if value < 100 else 0}f}"
