"""Which candidates keep the gates, which are on the Pareto front, and which one wins."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from levit_edge.bundle.kinds import GateOn, Precision, Runtime
from levit_edge.bundle.manifest import Artifact
from levit_edge.runtime.evaluation.gate import judged_drop
from levit_edge.sweep.outcome.results import Candidate, SweepResults
from levit_edge.sweep.plan import Gates, SweepPlan, Winner, WinnerBy
from levit_edge.text import are, counted, listed

__all__ = ["GateCheck", "chosen", "gate_checks", "limits", "pareto_front", "too_few_images"]

Point = tuple[float, float]
ACCURACY_GATES = {GateOn.DROP: "drop", GateOn.INTERVAL: "interval"}


@dataclass(frozen=True, kw_only=True)
class GateCheck:
    """A figure of an int8 file, and the gate that bounds it."""

    gate: str
    """`drop` or `interval`, of which the upper end is judged (percentage points), `size` (bytes) or `latency`
    (milliseconds)."""
    file: str
    """Empty if the candidate has no int8 file."""
    found: float | None
    """None if it was not measured."""
    limit: float
    poor: bool = False
    """Whether the figure is of a drop from an fp32 accuracy that cannot be right."""

    @property
    def kept(self) -> bool | None:
        """None if it was not measured."""
        return None if self.found is None else self.found <= self.limit and not self.poor


def chosen(candidates: Sequence[Candidate], plan: SweepPlan) -> tuple[Candidate, ...]:
    """The candidates of one checkpoint, with gates, fronts and the winner filled in."""
    judged = [replace(each, within_gates=_within(each, plan.gates)) for each in candidates]
    timed = any(each.latency for each in judged)
    fronts = {}
    for runtime in Runtime:
        found = {place: _point(each, runtime, timed=timed) for place, each in enumerate(judged)}
        fronts[runtime] = pareto_front({place: point for place, point in found.items() if point is not None})
    ranks = {
        place: rank
        for place, each in enumerate(judged)
        if (not limits(plan.gates) or each.within_gates) and (rank := _rank(each, plan.winner)) is not None
    }
    winner = min(ranks, key=lambda place: ranks[place], default=None)
    return tuple(
        replace(each, front=tuple(r for r in Runtime if place in fronts[r]), winner=place == winner)
        for place, each in enumerate(judged)
    )


def pareto_front(points: dict[int, Point]) -> list[int]:
    """Those to which no other point is better in one coordinate and not worse in the other; less is better."""

    def dominated(point: Point) -> bool:
        return any(other != point and other[0] <= point[0] and other[1] <= point[1] for other in points.values())

    return [place for place, point in points.items() if not dominated(point)]


def limits(gates: Gates) -> dict[str, float]:
    """The gates that there are, by their names."""
    every = {ACCURACY_GATES[gates.on]: gates.max_drop_pt, "size": gates.max_int8_bytes, "latency": gates.max_latency_ms}
    return {gate: limit for gate, limit in every.items() if limit is not None}


def gate_checks(candidate: Candidate, gates: Gates) -> Iterator[GateCheck]:
    """Each gate for each int8 file; for one with float16 not that of latency, as it is for other processors than most.

    Of files that could not be run the size alone is judged.
    """
    not_run = candidate.verification.not_run if candidate.verification else {}
    int8 = [each for each in candidate.artifacts if each.precision.is_int8]
    is_poor = candidate.verification is not None and candidate.verification.poor_fp32 is not None
    poor = set(ACCURACY_GATES.values()) if is_poor and not gates.allow_poor_fp32 else set()
    for gate, limit in limits(gates).items():
        if not int8:
            yield GateCheck(gate=gate, file="", found=None, limit=limit)
        timed = [each for each in int8 if each.precision is Precision.INT8]
        measured = timed if gate == "latency" else [each for each in int8 if each.file not in not_run]
        for artifact in int8 if gate == "size" else measured:
            found = _figures(candidate, artifact)[gate]
            yield GateCheck(gate=gate, file=artifact.file, found=found, limit=limit, poor=gate in poor)


def too_few_images(results: SweepResults) -> str | None:
    """What to say of winners whose drop, but not all of its interval, is within the gate; None if there are none."""
    gates = results.plan.gates
    if gates.max_drop_pt is None or gates.on is not GateOn.DROP:
        return None
    checks = [
        (each, check.found)
        for each in results.candidates
        if each.winner
        for check in gate_checks(each, replace(gates, on=GateOn.INTERVAL))
        if check.gate == ACCURACY_GATES[GateOn.INTERVAL] and check.found is not None and check.found > check.limit
    ]
    if not checks:
        return None
    names = list(dict.fromkeys(each.checkpoint for each, _ in checks))
    most = max(each.verification.samples for each, _ in checks if each.verification)
    images = f"{counted(most, 'image')} {are(most)}"
    return (
        f"{listed(names, 3)}: the winner's drop is within the gate, but {images} too few to tell: it may be "
        f'{max(found for _, found in checks):.2f} points (95 % interval). gates.on = "interval" demands that this is '
        "within the gate too."
    )


def _figures(candidate: Candidate, artifact: Artifact | None) -> dict[str, float | None]:
    """What is compared, by the names of the gates: nothing is known of a file that is not there."""
    if artifact is None:
        return dict.fromkeys((*ACCURACY_GATES.values(), "size", "latency"))
    result = candidate.figures(artifact)
    accuracy = {gate: judged_drop(result, on) for on, gate in ACCURACY_GATES.items()}
    return accuracy | {"size": artifact.size_bytes, "latency": candidate.latency_ms(artifact)}


def _within(candidate: Candidate, gates: Gates) -> bool | None:
    """Whether all int8 files keep all gates; None if there are none, or if a figure is missing and no other fails."""
    kept = [each.kept for each in gate_checks(candidate, gates)]
    if False in kept:
        return False
    return None if None in kept or not kept else True


def _point(candidate: Candidate, runtime: Runtime, *, timed: bool) -> Point | None:
    """Drop, and the median milliseconds of the int8 file, or its bytes where no latency was measured at all."""
    figures = _figures(candidate, candidate.artifact(runtime))
    drop, price = figures["drop"], figures["latency" if timed else "size"]
    return None if drop is None or price is None else (drop, price)


def _rank(candidate: Candidate, winner: Winner) -> tuple[float, ...] | None:
    """The least one wins: first comes what the plan compares, then accuracy where that was measured."""
    figures, result = _figures(candidate, candidate.artifact(winner.runtime)), candidate.result(winner.runtime)
    compared = figures["drop" if winner.by is WinnerBy.ACCURACY else winner.by]
    if compared is None or candidate.problems:
        return None
    if result is None or result.drop_pt is None:
        return compared, math.inf
    return compared, result.drop_pt, -(math.inf if result.sqnr_db is None else result.sqnr_db)
