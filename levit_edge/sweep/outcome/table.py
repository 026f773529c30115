"""The one table of a sweep, a row for each file of each candidate, as Parquet and CSV."""

import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from levit_edge.bundle.manifest import Artifact
from levit_edge.sweep.outcome.results import Candidate, SweepResults

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["csv_file", "parquet_file", "rows"]


def parquet_file(results: SweepResults) -> bytes:
    """The table as Parquet."""
    from pyarrow import parquet

    buffer = io.BytesIO()
    parquet.write_table(_table(rows(results)), buffer)
    return buffer.getvalue()


def csv_file(results: SweepResults) -> bytes:
    """The table as CSV, with a line of headings.

    A text that a spreadsheet would take for a formula has an apostrophe before it, as OWASP's "CSV Injection" advises:
    paths and messages come from elsewhere.
    """
    from pyarrow import csv

    buffer = io.BytesIO()
    csv.write_csv(_table({name: _defused(value) for name, value in row.items()} for row in rows(results)), buffer)
    return buffer.getvalue()


def rows(results: SweepResults) -> Iterator[dict[str, Any]]:
    """Column -> value; None where there is none. A candidate without files is one row."""
    for candidate in results.candidates:
        for artifact in candidate.artifacts or (None,):
            yield _row(candidate, artifact)


def _table(content: Iterable[dict[str, Any]]) -> "pa.Table":
    import pyarrow as pa

    kinds = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()])
    return pa.Table.from_pylist(
        [{name: _encodable(value) for name, value in row.items()} for row in content], schema=schema
    )


def _encodable(value: Any) -> Any:
    """Names of files need not be UTF-8: what cannot be written is a question mark, as in results.json."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _defused(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
COLUMNS: dict[str, type] = {
    "checkpoint": str,
    "recipe": str,
    "source": str,
    "size": str,
    "classes": int,
    "checkpoint_sha256": str,
    "artifact": str,
    "runtime": str,
    "precision": str,
    "size_bytes": int,
    "artifact_sha256": str,
    "samples": int,
    "images_sha256": str,
    "top1": float,
    "top5": float,
    "drop_pt": float,
    "drop_low_pt": float,
    "drop_high_pt": float,
    "agreement": float,
    "flips_lost": int,
    "flips_gained": int,
    "sqnr_db": float,
    "margin_change_mean": float,
    "margin_change_worst": float,
    "latency_p50_ms": float,
    "latency_min_ms": float,
    "within_gates": bool,
    "on_front": bool,
    "winner": bool,
    "problems": str,
}
"""Name -> type; percent, percentage points, bytes, milliseconds."""
RESULT = (
    *("top1", "top5", "drop_pt", "agreement", "flips_lost", "flips_gained"),
    *("sqnr_db", "margin_change_mean", "margin_change_worst"),
)
"""Columns that an `ArtifactResult` has under the same names."""


def _row(candidate: Candidate, artifact: Artifact | None) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(COLUMNS) | {
        "checkpoint": candidate.checkpoint,
        "recipe": candidate.recipe,
        "source": candidate.source,
        "size": candidate.size or None,
        "classes": candidate.classes,
        "checkpoint_sha256": candidate.checkpoint_sha256 or None,
        "within_gates": candidate.within_gates,
        "winner": candidate.winner,
        "problems": "; ".join(candidate.problems) or None,
    }
    if artifact is None:
        return row
    row |= {
        "artifact": artifact.file,
        "runtime": str(artifact.runtime),
        "precision": str(artifact.precision),
        "size_bytes": artifact.size_bytes,
        "artifact_sha256": artifact.sha256,
        "on_front": artifact.runtime in candidate.front and artifact == candidate.artifact(artifact.runtime),
    }
    if (latency := candidate.latency.get(artifact.file)) is not None:
        row |= {"latency_p50_ms": latency.p50, "latency_min_ms": latency.min}
    result, verification = candidate.result(artifact.runtime, artifact.precision), candidate.verification
    if result is None or verification is None:
        return row
    low, high = result.drop_ci95_pt or (None, None)
    return row | {
        "samples": verification.samples,
        "images_sha256": verification.images.sha256,
        "drop_low_pt": low,
        "drop_high_pt": high,
        **{name: getattr(result, name) for name in RESULT},
    }
