"""The latencies as a table."""

from rich.console import Console
from rich.table import Table

from benchmarks.document import show_context
from benchmarks.results import number
from benchmarks.speed.results import Latencies, Row
from benchmarks.speed.statistics import Ratio

__all__ = ["TABLE_COLUMNS", "show"]

TABLE_COLUMNS = 168
"""What the table needs; a narrower console would leave out figures."""
MIB = 2**20
LEGEND = (
    "ms: median, 90th percentile and least of all timed runs. /fp32, /stock: time over that of levit-edge's fp32 file"
    " and of the stock int8 way in the same runtime, median over the rounds (its quartiles). MiB: peak of the process,"
    " what of it came after importing the runtime, and the file. agree, SQNR: against the network in torch, float32."
)


def show(latencies: Latencies, console: Console) -> None:
    """Print what was compared, on what, with what, and the rows."""
    what = (
        f"{latencies.model}, {latencies.classes} classes, weights: {latencies.weights}; batch 1;"
        f" {latencies.rounds} rounds of {latencies.runs} runs after {latencies.warm_up} untimed;"
        f" {latencies.calibration.count} calibration images, {latencies.checked_images} of them checked;"
        f" load average before: {latencies.load_average:.1f}"
    )
    show_context(latencies, what, console)
    for threads in sorted({row.threads for row in latencies.rows}):
        rows = [row for row in latencies.rows if row.threads == threads]
        console.print(_table(rows, threads))
    console.print(LEGEND, markup=False, highlight=False, soft_wrap=True)
    remarks = {f"{row.runtime}/{row.name}": row.reason or row.note for row in latencies.rows}
    for key, remark in remarks.items():
        if remark:
            console.print(f"{key}: {remark}", markup=False, highlight=False, soft_wrap=True)


def _table(rows: list[Row], threads: int) -> Table:
    title = f"{threads} thread{'s' if threads > 1 else ''}"
    table = Table(box=None, pad_edge=False, header_style="bold", title=title, title_justify="left")
    for heading in ("runtime", "contender"):
        table.add_column(heading, no_wrap=True)
    for heading in ("median", "p90", "min ms", "/fp32", "/stock", "load ms", "first ms"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("peak MiB", "own MiB", "file MiB", "agree %", "SQNR dB"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*_cells(row))
    return table


def _cells(row: Row) -> tuple[str, ...]:
    latency = row.latency
    times = (latency.median_ms, latency.p90_ms, latency.min_ms) if latency else (None, None, None)
    return (
        str(row.runtime),
        row.name,
        *(number(each, 2) for each in times),
        _ratio(row.to_fp32),
        _ratio(row.to_stock_int8),
        number(row.load_ms, 0),
        number(row.first_ms, 1),
        *(number(each, 0) for each in _memory(row)),
        number(None if row.size_bytes is None else row.size_bytes / MIB, 1),
        number(row.agreement, 0),
        number(row.sqnr_db, 1),
    )


def _ratio(ratio: Ratio | None) -> str:
    return "–" if ratio is None else f"{ratio.median:.2f} ({ratio.p25:.2f}–{ratio.p75:.2f})"


def _memory(row: Row) -> tuple[float | None, float | None]:
    """MiB of the whole process, and of what loading and running added."""
    if row.peak_rss_bytes is None or row.imported_rss_bytes is None:
        return None, None
    return row.peak_rss_bytes / MIB, (row.peak_rss_bytes - row.imported_rss_bytes) / MIB
