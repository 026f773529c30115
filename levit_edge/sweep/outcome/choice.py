"""Which candidates keep the gates, which are on the Pareto front, and which one wins."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.sweep.outcome.results import Candidate
from levit_edge.sweep.plan import Gates, SweepPlan, Winner, WinnerBy

__all__ = ["GateCheck", "chosen", "gate_checks", "pareto_front"]

Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class GateCheck:
    """A figure of an int8 file, and the gate that bounds it."""

    gate: str
    """`drop` (percentage points), `size` (bytes) or `latency` (milliseconds)."""
    file: str
    """Empty if the candidate has no int8 file."""
    found: float | None
    """None if it was not measured."""
    limit: float

    @property
    def kept(self) -> bool | None:
        """None if it was not measured."""
        return None if self.found is None else self.found <= self.limit


def chosen(candidates: Sequence[Candidate], plan: SweepPlan) -> tuple[Candidate, ...]:
    """The candidates of one checkpoint, with gates, fronts and the winner filled in."""
    judged = [replace(each, within_gates=_within(each, plan.gates)) for each in candidates]
    timed = any(each.latency for each in judged)
    fronts: dict[int, list[Runtime]] = {}
    for runtime in Runtime:
        found = {place: _point(each, runtime, timed=timed) for place, each in enumerate(judged)}
        for place in pareto_front({place: point for place, point in found.items() if point is not None}):
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


def gate_checks(candidate: Candidate, gates: Gates) -> Iterator[GateCheck]:
    """Each gate for each int8 file."""
    int8 = [each for each in candidate.artifacts if each.precision is Precision.INT8]
    results = [candidate.result(each.runtime) for each in int8]
    for gate, limit, found in (
        ("drop", gates.max_drop_pt, [each.drop_pt if each else None for each in results]),
        ("size", gates.max_int8_bytes, [each.size_bytes for each in int8]),
        ("latency", gates.max_latency_ms, [_median_ms(candidate, each.file) for each in int8]),
    ):
        if limit is not None and not int8:
            yield GateCheck(gate=gate, file="", found=None, limit=limit)
        elif limit is not None:
            for artifact, value in zip(int8, found, strict=True):
                yield GateCheck(gate=gate, file=artifact.file, found=value, limit=limit)


def _within(candidate: Candidate, gates: Gates) -> bool | None:
    """Whether both int8 files keep all gates; None if there are none, or if a figure is missing and no other fails."""
    kept = [each.kept for each in gate_checks(candidate, gates)]
    if False in kept:
        return False
    return None if None in kept or not kept else True


def _point(candidate: Candidate, runtime: Runtime, *, timed: bool) -> Point | None:
    """Drop, and the median milliseconds of the int8 file, or its bytes where no latency was measured at all."""
    result, artifact = candidate.result(runtime), candidate.artifact(runtime)
    if result is None or result.drop_pt is None or artifact is None:
        return None
    price = _median_ms(candidate, artifact.file) if timed else float(artifact.size_bytes)
    return None if price is None else (result.drop_pt, price)


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
    return None if median is None else (median, *_of_equal_ones(candidate, runtime))


def _by_size(candidate: Candidate, runtime: Runtime) -> tuple[float, ...] | None:
    artifact = candidate.artifact(runtime)
    return None if artifact is None else (float(artifact.size_bytes), *_of_equal_ones(candidate, runtime))


def _of_equal_ones(candidate: Candidate, runtime: Runtime) -> tuple[float, ...]:
    """The more accurate one, where that was measured."""
    return _by_accuracy(candidate, runtime) or (float("inf"),)
