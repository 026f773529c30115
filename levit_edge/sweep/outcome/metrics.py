"""The figures of candidates as tables and pages show them: a `results.json` of others may say what cannot be."""

from collections.abc import Iterable
from dataclasses import dataclass

from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.manifest import Artifact
from levit_edge.sweep.outcome.results import Candidate
from levit_edge.text import number

__all__ = ["Metrics", "int8_metrics", "metrics"]

LARGEST = 2.0**62
MOST_DB = 1000.0
LEAST_MS, MOST_MS = 1e-6, 1e9


@dataclass(frozen=True, kw_only=True)
class Metrics:
    """One file of a candidate; None for what is not known, and for what cannot be."""

    file: str
    runtime: Runtime
    precision: Precision
    size_bytes: float | None
    top1: float | None
    top5: float | None
    drop_pt: float | None
    drop_ci95_pt: tuple[float, float] | None
    agreement: float | None
    flips_lost: int | None
    flips_gained: int | None
    sqnr_db: float | None
    latency_ms: float | None
    """Median of one image."""


def metrics(candidate: Candidate) -> tuple[Metrics, ...]:
    """The metrics of all its files."""
    return tuple(_of(candidate, artifact) for artifact in candidate.artifacts)


def int8_metrics(candidate: Candidate, runtime: Runtime) -> Metrics | None:
    """The metrics of its int8 file for `runtime`; None if it has none."""
    artifact = candidate.artifact(runtime)
    return None if artifact is None else _of(candidate, artifact)


def _of(candidate: Candidate, artifact: Artifact) -> Metrics:
    result = candidate.result(artifact.runtime, artifact.precision)
    latency = candidate.latency.get(artifact.file)
    lost, gained = _counts((result.flips_lost, result.flips_gained) if result else ())
    return Metrics(
        file=artifact.file,
        runtime=artifact.runtime,
        precision=artifact.precision,
        size_bytes=number(artifact.size_bytes, 0, LARGEST),
        top1=number(result and result.top1, 0, 100),
        top5=number(result and result.top5, 0, 100),
        drop_pt=number(result and result.drop_pt, -100, 100),
        drop_ci95_pt=_interval(result.drop_ci95_pt if result else None),
        agreement=number(result and result.agreement, 0, 100),
        flips_lost=lost,
        flips_gained=gained,
        sqnr_db=number(result and result.sqnr_db, -MOST_DB, MOST_DB),
        latency_ms=number(latency and latency.p50, LEAST_MS, MOST_MS),
    )


def _interval(bounds: tuple[float, float] | None) -> tuple[float, float] | None:
    low, high = (number(each, -100, 100) for each in bounds or (None, None))
    return None if low is None or high is None or low > high else (low, high)


def _counts(values: Iterable[int | None]) -> tuple[int, int] | tuple[None, None]:
    found = [number(each, 0, LARGEST) for each in values]
    lost, gained = found or (None, None)
    return (None, None) if lost is None or gained is None else (int(lost), int(gained))
