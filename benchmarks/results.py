"""The comparison as a document and as a table."""

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from benchmarks.document import Document, show_context
from benchmarks.speed.contender import Engine
from levit_edge.bundle.manifest import ImageProvenance
from levit_edge.data.preprocess import Preprocessing

__all__ = ["TABLE_COLUMNS", "Comparison", "Row", "Taken", "number", "show"]

TABLE_COLUMNS = 116
"""What the table needs; a narrower console would leave out figures."""


@dataclass(frozen=True, kw_only=True)
class Taken:
    """When, with what and from what a row was taken; rows of one table may be of several runs."""

    command: str
    created_utc: str
    processor: str
    versions: dict[str, str]
    """Of the packages that made and ran the file."""
    commit: str = ""
    """Of levit-edge's code, in its own rows; see `benchmarks.arm.commit`."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One file in its runtime, over the evaluation images, beside the folded network in float32 there.

    Figures are None where there is no file; `note` says why. See `benchmarks.evaluation.Figures` for what they mean.
    """

    name: str
    runtime: Engine
    taken: Taken
    fp32_top1: float | None = None
    top1: float | None = None
    drop_pt: float | None = None
    drop_ci95_pt: tuple[float, float] | None = None
    flips_lost: int | None = None
    flips_gained: int | None = None
    agreement: float | None = None
    sqnr_db: float | None = None
    size_bytes: int | None = None
    seconds: float | None = None
    """From the checkpoint to the file, whatever else the machine did."""
    calibration_images: int | None = None
    note: str = ""

    @property
    def key(self) -> str:
        """As `benchmarks.task.Peer.key`."""
        return f"{self.runtime}/{self.name}"

    @property
    def measured(self) -> bool:
        """Whether it has figures."""
        return self.top1 is not None


@dataclass(frozen=True, kw_only=True)
class Comparison(Document):
    """All that the JSON file holds."""

    model: str
    classes: int
    checkpoint_sha256: str
    preprocessing: Preprocessing
    calibration: ImageProvenance
    evaluation: ImageProvenance
    rows: tuple[Row, ...]

    def unlike(self, other: "Comparison") -> list[str]:
        """In what the two differ that has to be the same for rows to stand in one table."""
        pairs = {
            "checkpoint": (self.checkpoint_sha256, other.checkpoint_sha256),
            "preprocessing": (self.preprocessing, other.preprocessing),
            "calibration images": (self.calibration.sha256, other.calibration.sha256),
            "evaluation images": (self.evaluation.sha256, other.evaluation.sha256),
        }
        return [name for name, (here, there) in pairs.items() if here != there]


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
