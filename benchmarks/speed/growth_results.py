"""How the latency grows with the size, as a document and as a table."""

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from benchmarks.document import Document, show_context
from benchmarks.results import number
from benchmarks.speed.contender import Engine
from benchmarks.speed.statistics import Latency
from levit_edge.bundle.kinds import Precision

__all__ = ["GIGA", "Growth", "Row", "show"]

TABLE_COLUMNS = 110
GIGA = 1e9


@dataclass(frozen=True, kw_only=True)
class Row:
    """One file of one size; figures are None where there is none, and `reason` says why."""

    model: str
    runtime: Engine
    precision: Precision | None
    multiply_adds: int
    """Of one image, attention included."""
    latency: Latency | None = None
    ms_per_gmac: float | None = None
    """Median milliseconds for 10⁹ multiply-adds."""
    outside_percent: float | None = None
    """Of the time, outside convolutions and linears, with one thread: see `benchmarks.speed.shares`."""
    size_bytes: int | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Growth(Document):
    """All that the JSON file holds."""

    threads: int
    rounds: int
    runs: int
    load_average: float
    """Of the machine over the minute before the command began: what else was running."""
    rows: tuple[Row, ...]


def show(growth: Growth) -> None:
    """Print what was measured, on what, with what, and the rows."""
    console = Console(width=max(Console().width, TABLE_COLUMNS))
    what = (
        f"batch 1, {growth.threads} thread{'s' if growth.threads > 1 else ''}; {growth.rounds} rounds of {growth.runs}"
        f" runs; load average before: {growth.load_average:.1f}"
    )
    show_context(growth, what, console)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("runtime", "precision", "model"):
        table.add_column(heading, no_wrap=True)
    for heading in ("GMAC", "median ms", "p90", "min", "ms/GMAC", "outside %", "file MiB"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in growth.rows:
        table.add_row(*_cells(row))
    console.print(table)
    for row in growth.rows:
        if row.reason:
            console.print(f"{row.model} {row.runtime} {row.precision}: {row.reason}", markup=False, soft_wrap=True)


def _cells(row: Row) -> tuple[str, ...]:
    latency = row.latency
    times = (latency.median_ms, latency.p90_ms, latency.min_ms) if latency else (None, None, None)
    return (
        str(row.runtime),
        str(row.precision),
        row.model,
        number(row.multiply_adds / GIGA, 3),
        *(number(each, 2) for each in times),
        number(row.ms_per_gmac, 1),
        number(row.outside_percent, 0),
        number(None if row.size_bytes is None else row.size_bytes / 2**20, 1),
    )
