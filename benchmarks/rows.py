"""From what was made and what was measured to the rows of the comparison."""

from collections.abc import Sequence

from benchmarks.isolation import Attempt
from benchmarks.ours import Ours, seconds_for
from benchmarks.results import Row
from levit_edge.bundle.manifest import Artifact, ArtifactResult, Verification

__all__ = ["make_rows"]


def make_rows(ours: Ours, attempts: Sequence[Attempt], verification: Verification) -> tuple[Row, ...]:
    """One row for each of levit-edge's files and for each peer, the runtimes apart.

    In `verification` a peer's file goes by the peer's name.
    """
    results = {result.artifact: result for result in verification.results}
    rows = [_our_row(ours, artifact, results[artifact.file]) for artifact in ours.files]
    rows += [_peer_row(tried, results.get(tried.peer.name)) for tried in attempts]
    return tuple(sorted(rows, key=lambda row: row.runtime))


def _our_row(ours: Ours, artifact: Artifact, result: ArtifactResult) -> Row:
    return _measured(
        f"levit-edge {artifact.precision}",
        result,
        seconds=seconds_for(ours.manifest, artifact),
        calibration_images=ours.manifest.calibration.count if artifact.precision.is_int8 else None,
    )


def _peer_row(tried: Attempt, result: ArtifactResult | None) -> Row:
    if tried.built is None or result is None:
        return Row(name=tried.peer.name, runtime=tried.peer.runtime, note=tried.reason)
    return _measured(
        tried.peer.name,
        result,
        seconds=tried.seconds,
        calibration_images=tried.built.calibration_images,
        note=tried.built.note,
    )


def _measured(
    name: str,
    result: ArtifactResult,
    *,
    seconds: float | None,
    calibration_images: int | None,
    note: str = "",
) -> Row:
    return Row(
        name=name,
        runtime=result.runtime,
        top1=result.top1,
        drop_pt=result.drop_pt,
        drop_ci95_pt=result.drop_ci95_pt,
        agreement=result.agreement,
        sqnr_db=result.sqnr_db,
        size_bytes=result.size_bytes,
        seconds=seconds,
        calibration_images=calibration_images,
        note=note,
    )
