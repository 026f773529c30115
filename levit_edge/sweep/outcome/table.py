"""The one table of a sweep, a row for each file of each candidate, as Parquet and CSV."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from levit_edge.benchmark.measurement import Latency
from levit_edge.bundle.manifest import Artifact, ArtifactResult
from levit_edge.sweep.outcome.results import Candidate, SweepResults

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["csv_file", "parquet_file"]


def parquet_file(results: SweepResults) -> bytes:
    """The table as Parquet."""
    from pyarrow import parquet

    buffer = io.BytesIO()
    parquet.write_table(_table(results, _encodable), buffer)
    return buffer.getvalue()


def csv_file(results: SweepResults) -> bytes:
    """The table as CSV, with a line of headings.

    A text that a spreadsheet would take for a formula has an apostrophe before it, as OWASP's "CSV Injection" advises:
    paths and messages come from elsewhere.
    """
    from pyarrow import csv

    buffer = io.BytesIO()
    csv.write_csv(_table(results, _defused), buffer)
    return buffer.getvalue()


def _table(results: SweepResults, write: Callable[[Any], Any]) -> "pa.Table":
    """Each value as `write` gives it; a candidate without files is one row."""
    import pyarrow as pa

    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    rows = [_Row(candidate, file) for candidate in results.candidates for file in candidate.artifacts or (None,)]
    columns = {
        name: pa.array([write(value(row)) for row in rows], kinds[kind]) for name, (kind, value) in COLUMNS.items()
    }
    return pa.table(columns)


def _encodable(value: Any) -> Any:
    """Names of files need not be UTF-8: what cannot be written is a question mark, as in results.json."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _defused(value: Any) -> Any:
    text = _encodable(value)
    return f"'{text}" if isinstance(text, str) and text.startswith(FORMULA) else text


FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True)
class _Row:
    """A candidate, and one of its files with what that did; None where there is none."""

    candidate: Candidate
    artifact: Artifact | None

    @property
    def result(self) -> ArtifactResult | None:
        file = self.artifact
        return None if file is None else self.candidate.result(file.runtime, file.precision)

    @property
    def interval(self) -> tuple[float, float] | tuple[None, None]:
        return (self.result and self.result.drop_ci95_pt) or (None, None)

    @property
    def latency(self) -> Latency | None:
        return None if self.artifact is None else self.candidate.latency.get(self.artifact.file)

    @property
    def on_front(self) -> bool | None:
        file = self.artifact
        if file is None:
            return None
        return file.runtime in self.candidate.front and file == self.candidate.artifact(file.runtime)


def _of(part: str, field: str) -> Callable[[_Row], Any]:
    """The field of that part of a row, or None if it has none."""
    return lambda row: getattr(getattr(row, part), field, None)


COLUMNS: dict[str, tuple[type, Callable[[_Row], Any]]] = {
    "checkpoint": (str, _of("candidate", "checkpoint")),
    "recipe": (str, _of("candidate", "recipe")),
    "source": (str, _of("candidate", "source")),
    "size": (str, lambda row: row.candidate.size or None),
    "classes": (int, _of("candidate", "classes")),
    "checkpoint_sha256": (str, lambda row: row.candidate.checkpoint_sha256 or None),
    "artifact": (str, _of("artifact", "file")),
    "runtime": (str, _of("artifact", "runtime")),
    "precision": (str, _of("artifact", "precision")),
    "size_bytes": (int, _of("artifact", "size_bytes")),
    "artifact_sha256": (str, _of("artifact", "sha256")),
    "samples": (int, lambda row: row.candidate.verification and row.candidate.verification.samples),
    "images_sha256": (str, lambda row: row.candidate.verification and row.candidate.verification.images.sha256),
    "top1": (float, _of("result", "top1")),
    "top5": (float, _of("result", "top5")),
    "top1_among_present": (float, lambda row: row.artifact and row.candidate.top1_among_present(row.artifact)),
    "drop_pt": (float, _of("result", "drop_pt")),
    "drop_low_pt": (float, lambda row: row.interval[0]),
    "drop_high_pt": (float, lambda row: row.interval[1]),
    "agreement": (float, _of("result", "agreement")),
    "flips_lost": (int, _of("result", "flips_lost")),
    "flips_gained": (int, _of("result", "flips_gained")),
    "sqnr_db": (float, _of("result", "sqnr_db")),
    "margin_change_mean": (float, _of("result", "margin_change_mean")),
    "margin_change_worst": (float, _of("result", "margin_change_worst")),
    "latency_p50_ms": (float, _of("latency", "p50")),
    "latency_min_ms": (float, _of("latency", "min")),
    "within_gates": (bool, _of("candidate", "within_gates")),
    "on_front": (bool, lambda row: row.on_front),
    "winner": (bool, _of("candidate", "winner")),
    "problems": (str, lambda row: "; ".join(row.candidate.problems) or None),
}
"""Name -> type, and the value in a row; percent, percentage points, bytes, milliseconds."""
