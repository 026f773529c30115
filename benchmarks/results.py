"""The comparison as a document and as a table."""

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from benchmarks.document import Document, show_context
from levit_edge.bundle.kinds import Runtime
from levit_edge.bundle.manifest import ImageProvenance

__all__ = ["TABLE_COLUMNS", "Comparison", "Row", "number", "show"]

TABLE_COLUMNS = 116
"""What the table needs; a narrower console would leave out figures."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One file in its runtime, over the evaluation images; the reference is levit-edge's fp32 file there.

    Figures are None where there is no file (`note` says why), and where the reference would be compared with itself.
    """

    name: str
    runtime: Runtime
    top1: float | None = None
    """Percent."""
    drop_pt: float | None = None
    """fp32 top-1 minus this top-1, percentage points."""
    drop_ci95_pt: tuple[float, float] | None = None
    """95 % interval of the paired difference, see `levit_edge.runtime.evaluation.comparison.paired_interval`."""
    agreement: float | None = None
    """Percent of images with fp32's top-1 class."""
    sqnr_db: float | None = None
    """Of the logits."""
    size_bytes: int | None = None
    seconds: float | None = None
    """From the checkpoint to the file, whatever else the machine did."""
    calibration_images: int | None = None
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Comparison(Document):
    """All that the JSON file holds."""

    model: str
    classes: int
    checkpoint_sha256: str
    calibration: ImageProvenance
    evaluation: ImageProvenance
    rows: tuple[Row, ...]


def show(comparison: Comparison, console: Console) -> None:
    """Print what was compared, on what, with what, and the rows."""
    what = (
        f"{comparison.model}, {comparison.classes} classes; {comparison.evaluation.count} evaluation images,"
        f" {comparison.calibration.count} calibration images"
    )
    show_context(comparison, what, console)
    console.print(_table(comparison.rows))
    for row in comparison.rows:
        if row.note:
            console.print(f"{row.name} ({row.runtime}): {row.note}", markup=False, highlight=False, soft_wrap=True)


def _table(rows: tuple[Row, ...]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("row", "runtime"):
        table.add_column(heading, no_wrap=True)
    for heading in ("top-1 %", "drop pt", "95 % interval", "agree %", "SQNR dB", "bytes", "s", "images"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*_cells(row))
    return table


def _cells(row: Row) -> tuple[str, ...]:
    interval = row.drop_ci95_pt
    return (
        row.name,
        str(row.runtime),
        number(row.top1, 2),
        number(row.drop_pt, 2),
        "–" if interval is None else f"{interval[0]:+.2f} … {interval[1]:+.2f}",
        number(row.agreement, 2),
        number(row.sqnr_db, 1),
        number(row.size_bytes, 0),
        number(row.seconds, 0),
        number(row.calibration_images, 0),
    )


def number(value: float | None, digits: int) -> str:
    """A table's cell."""
    return "–" if value is None else f"{value:,.{digits}f}"
