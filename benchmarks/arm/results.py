"""What was found of each file, as it is kept, as a document and as a table."""

from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from benchmarks.document import Document, show_context
from benchmarks.results import number
from benchmarks.speed.contender import Engine
from levit_edge.bundle.kinds import Precision

__all__ = [
    "LEAST_ELSEWHERE",
    "MEGABYTE",
    "TABLE_COLUMNS",
    "Accuracy",
    "ArmComparison",
    "Counted",
    "Made",
    "Row",
    "Timed",
    "by_count",
    "processors",
    "show",
]

TABLE_COLUMNS = 150
"""What the table needs; a narrower console would leave out figures."""
MEGABYTE = 1e6
LEAST_ELSEWHERE = 0.03
"""Of the main thread's instructions; less is noise."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """A contender's file, or why there is none; neither if it was not made yet."""

    file: str = ""
    """In the folder of the measurements."""
    size_bytes: int | None = None
    sha256: str = ""
    """Of the SHA-256 of all that belongs to it, in the order of paths; with a `reason`, of the last that was made."""
    note: str = ""
    source: str = ""
    """SHA-256 of the code of levit-edge that exported it; empty for a peer's."""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """A file's logits beside those of the checkpoint in torch, float32."""

    images: int
    where: str
    """`x86-64`, this machine, or the emulated processor."""
    sqnr_db: float | None = None
    agreement: float | None = None
    """Percent of the images with the same top-1."""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Timed:
    """Processor time of one image on this machine, or why there is none."""

    ms: float | None = None
    ratio: float | None = None
    """How many times that of levit-edge's default int8 file for ExecuTorch, in turn."""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Millions of instructions of one inference on one processor, or why there is no count."""

    main: float | None = None
    elsewhere: float | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One contender."""

    name: str
    runtime: Engine
    precision: Precision | None
    float16: bool
    made: Made
    accuracy: Accuracy | None = None
    timed: Timed | None = None
    counts: dict[str, Counted] = field(default_factory=dict)
    """By processor."""


@dataclass(frozen=True, kw_only=True)
class ArmComparison(Document):
    """All that the JSON file holds."""

    model: str
    classes: int
    checkpoint_sha256: str
    calibration_images: int
    runs: int
    """Inferences that each count is the mean of."""
    board_packages: dict[str, str]
    """What ran on the emulated processors."""
    commit: str = ""
    """The last that changed levit-edge's code, `+` behind it if that was changed since; empty if that is not known."""
    rows: tuple[Row, ...]


def processors(rows: tuple[Row, ...]) -> list[str]:
    """In the order in which they were counted."""
    return list(dict.fromkeys(cpu for row in rows for cpu in row.counts))


def by_count(rows: tuple[Row, ...]) -> list[Row]:
    """Fewest instructions on the first processor first, then those without a count."""
    cpus = processors(rows)

    def order(row: Row) -> float:
        counted = row.counts.get(cpus[0]) if cpus else None
        return float("inf") if counted is None or counted.main is None else counted.main

    return sorted(rows, key=order)


def show(comparison: ArmComparison, console: Console) -> None:
    """Print what was compared, with what, the rows, and what has to be said of each."""
    packages = ", ".join(f"{name} {version}" for name, version in comparison.board_packages.items())
    what = (
        f"{comparison.model}, {comparison.classes} classes; {comparison.calibration_images} calibration images;"
        f" levit-edge's code of commit {comparison.commit or 'unknown'}; there: {packages}"
    )
    show_context(comparison, what, console)
    console.print(_table(comparison.rows))
    for row in comparison.rows:
        for remark in _remarks(row):
            console.print(f"{row.runtime}/{row.name}: {remark}", markup=False, highlight=False, soft_wrap=True)


def _table(rows: tuple[Row, ...]) -> Table:
    cpus = processors(rows)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("runtime", "contender"):
        table.add_column(heading, no_wrap=True)
    for heading in (*cpus, "here ×", "SQNR dB", "agree %", "images", "on", "MB"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in by_count(rows):
        table.add_row(*_cells(row, cpus))
    return table


def _cells(row: Row, cpus: list[str]) -> tuple[str, ...]:
    seen = row.accuracy or Accuracy(images=0, where="–")
    size = row.made.size_bytes
    return (
        str(row.runtime),
        row.name,
        *(number(row.counts.get(cpu, Counted()).main, 1) for cpu in cpus),
        number(row.timed.ratio if row.timed else None, 2),
        number(seen.sqnr_db, 1),
        number(seen.agreement, 1),
        number(seen.images or None, 0),
        seen.where,
        number(None if size is None else size / MEGABYTE, 1),
    )


def _remarks(row: Row) -> list[str]:
    remarks = [row.made.reason or row.made.note]
    remarks += [found.reason for found in (row.accuracy, row.timed) if found]
    for cpu, counted in row.counts.items():
        if counted.reason:
            remarks.append(f"{cpu}: {counted.reason}")
        if counted.main and (counted.elsewhere or 0) > LEAST_ELSEWHERE * counted.main:
            remarks.append(f"{cpu}: {counted.elsewhere:.1f} million in other threads besides")
    return [each for each in remarks if each]
