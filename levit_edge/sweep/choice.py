"""Which candidates keep the gates, which are on the Pareto front, and which one wins."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from levit_edge.runtime.kinds import Precision, Runtime
from levit_edge.sweep.plan import Gates, SweepPlan, Winner, WinnerBy
from levit_edge.sweep.results import Candidate

__all__ = ["chosen", "cost", "pareto_front"]

Point = tuple[float, float]


def chosen(candidates: Sequence[Candidate], plan: SweepPlan) -> tuple[Candidate, ...]:
    """The candidates of one checkpoint, with gates, fronts and the winner filled in."""
    judged = [replace(each, within_gates=_within(each, plan.gates)) for each in candidates]
    fronts: dict[int, list[Runtime]] = {}
    for runtime in Runtime:
        points = {place: point for place, each in enumerate(judged) if (point := _point(each, runtime)) is not None}
        for place in pareto_front(points):
            fronts.setdefault(place, []).append(runtime)
    allowed = [each if plan.gates == Gates() or each.within_gates else None for each in judged]
    winner = _winner(allowed, plan.winner)
    return tuple(
        replace(each, front=tuple(fronts.get(place, ())), winner=place == winner) for place, each in enumerate(judged)
    )


def pareto_front(points: dict[int, Point]) -> list[int]:
    """Those to which no other point is better in one coordinate and not worse in the other; less is better."""

    def dominated(point: Point) -> bool:
        return any(other != point and other[0] <= point[0] and other[1] <= point[1] for other in points.values())

    return [place for place, point in points.items() if not dominated(point)]


def cost(candidate: Candidate, runtime: Runtime) -> float | None:
    """Median milliseconds of the int8 file where latency was measured, else its bytes."""
    artifact = candidate.artifact(runtime)
    if artifact is None:
        return None
    if candidate.latency:
        latency = candidate.latency.get(artifact.file)
        return None if latency is None else latency.p50
    return float(artifact.size_bytes)


def _point(candidate: Candidate, runtime: Runtime) -> Point | None:
    result, price = candidate.result(runtime), cost(candidate, runtime)
    if result is None or result.drop_pt is None or price is None:
        return None
    return result.drop_pt, price


def _within(candidate: Candidate, gates: Gates) -> bool | None:
    """Whether both int8 files keep all gates; None if there are none, or a figure that one needs is missing."""
    int8 = [each for each in candidate.artifacts if each.precision is Precision.INT8]
    results = [candidate.result(each.runtime) for each in int8]
    figures: list[tuple[float | None, float]] = []
    for limit, found in (
        (gates.max_drop_pt, [each.drop_pt if each else None for each in results]),
        (gates.max_int8_bytes, [each.size_bytes for each in int8]),
        (gates.max_latency_ms, [_median_ms(candidate, each.file) for each in int8]),
    ):
        if limit is not None:
            figures += [(value, limit) for value in found or (None,)]
    if not figures or any(value is None for value, _ in figures):
        return None
    return all(value <= limit for value, limit in figures if value is not None)


def _median_ms(candidate: Candidate, file: str) -> float | None:
    latency = candidate.latency.get(file)
    return None if latency is None else latency.p50


def _winner(candidates: Sequence[Candidate | None], winner: Winner) -> int | None:
    """The place of the best candidate that is complete; those that miss a gate are None."""
    keys: dict[WinnerBy, Callable[[Candidate], tuple[float, ...] | None]] = {
        WinnerBy.ACCURACY: lambda each: _by_accuracy(each, winner.runtime),
        WinnerBy.LATENCY: lambda each: _by_latency(each, winner.runtime),
        WinnerBy.SIZE: lambda each: _by_size(each, winner.runtime),
    }
    eligible = {
        place: key
        for place, each in enumerate(candidates)
        if each is not None and not each.problems and (key := keys[winner.by](each)) is not None
    }
    return min(eligible, key=lambda place: eligible[place], default=None)


def _by_accuracy(candidate: Candidate, runtime: Runtime) -> tuple[float, ...] | None:
    result = candidate.result(runtime)
    if result is None or result.drop_pt is None:
        return None
    return result.drop_pt, -(result.sqnr_db if result.sqnr_db is not None else float("inf"))


def _by_latency(candidate: Candidate, runtime: Runtime) -> tuple[float, ...] | None:
    artifact = candidate.artifact(runtime)
    median = None if artifact is None else _median_ms(candidate, artifact.file)
    return None if median is None else (median,)


def _by_size(candidate: Candidate, runtime: Runtime) -> tuple[float, ...] | None:
    artifact = candidate.artifact(runtime)
    return None if artifact is None else (float(artifact.size_bytes),)
