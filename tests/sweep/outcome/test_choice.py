"""Gates, fronts and winners, for whatever candidates there may be."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from levit_edge.bundle.kinds import GateOn, Runtime
from levit_edge.sweep.outcome.choice import chosen, gate_checks, pareto_front, too_few_images
from levit_edge.sweep.outcome.results import Candidate
from levit_edge.sweep.plan import Gates, SweepPlan, Winner, WinnerBy
from tests.sweep.example import candidate, plan, swept, with_float16, with_poor_fp32, without_float16

FEW = st.integers(min_value=0, max_value=4)
"""So few that ties are frequent."""
POINTS = st.dictionaries(st.integers(), st.tuples(FEW.map(float), FEW.map(float)), max_size=12)
DROPS = st.none() | FEW.map(lambda value: value / 2 - 0.5)
CANDIDATES = st.lists(
    st.builds(
        candidate,
        st.just("levit"),
        st.just("recipe"),
        drops=st.tuples(DROPS, DROPS),
        sizes=st.tuples(FEW.map(lambda value: 8_000_000 + value), FEW.map(lambda value: 8_000_000 + value)),
        times_ms=st.none() | st.tuples(FEW.map(lambda value: value + 1.0), FEW.map(lambda value: value + 1.0)),
        sqnr_db=st.none() | FEW.map(float),
        problems=st.sampled_from([(), (), (), ("it broke",)]),
    )
    | st.just(Candidate(checkpoint="levit", recipe="recipe", problems=("it broke",))),
    max_size=6,
)
PLANS = st.builds(
    plan,
    gates=st.builds(
        Gates,
        max_drop_pt=st.none() | FEW.map(lambda value: value / 2),
        max_int8_bytes=st.none() | FEW.map(lambda value: 8_000_000 + value),
        max_latency_ms=st.none() | FEW.map(lambda value: value + 1.5),
    ),
    winner=st.builds(Winner, by=st.sampled_from(WinnerBy), runtime=st.sampled_from(Runtime)),
)


@given(POINTS)
def test_the_front_is_what_no_point_dominates(points: dict[int, tuple[float, float]]) -> None:
    expected = [
        place
        for place, (x, y) in points.items()
        if not any(a <= x and b <= y and (a < x or b < y) for a, b in points.values())
    ]
    assert pareto_front(points) == expected
    assert bool(expected) == bool(points)


@given(CANDIDATES, PLANS)
def test_gates_are_kept_by_both_int8_files_or_missed(candidates: list[Candidate], of: SweepPlan) -> None:
    for each in chosen(candidates, of):
        checks = list(gate_checks(each, of.gates))
        missed = any(check.found is not None and check.found > check.limit for check in checks)
        unknown = any(check.found is None for check in checks)
        assert each.within_gates is (None if of.gates == Gates() or (unknown and not missed) else not missed)
        if each.artifacts:
            gates = (of.gates.max_drop_pt, of.gates.max_int8_bytes, of.gates.max_latency_ms)
            limits = [limit for limit in gates if limit is not None]
            assert [check.limit for check in checks] == [limit for limit in limits for _ in Runtime]


@pytest.mark.parametrize(("drop", "kept"), [(0.9, True), (1.1, False)])
def test_a_file_with_float16_is_judged_but_not_by_its_time_here(drop: float, kept: bool) -> None:
    of = plan(gates=Gates(max_drop_pt=1.0, max_int8_bytes=9_500_000, max_latency_ms=12.0))
    (judged,) = chosen([with_float16(candidate("levit", "mixed"), drop)], of)
    assert (judged.within_gates, judged.winner) == (kept, kept)
    checked = [(each.gate, each.kept) for each in gate_checks(judged, of.gates) if each.file == "int8-f16.pte"]
    assert checked == [("drop", kept), ("size", True)]


def test_of_a_file_that_could_not_be_run_the_size_alone_is_judged() -> None:
    gates = Gates(max_drop_pt=1.0, max_int8_bytes=9_500_000, max_latency_ms=12.0)
    (judged,) = chosen([without_float16(candidate("levit", "mixed"))], plan(gates=gates))
    assert (judged.within_gates, judged.winner) == (True, True)
    checked = [(each.gate, each.kept) for each in gate_checks(judged, gates) if each.file == "int8-f16.pte"]
    assert checked == [("size", True)]
    (large,) = chosen([judged], plan(gates=replace(gates, max_int8_bytes=8_100_000)))
    assert large.within_gates is False


def metrics(each: Candidate, runtime: Runtime) -> dict[WinnerBy, float | None]:
    result, artifact = each.result(runtime), each.artifact(runtime)
    latency = each.latency.get(artifact.file) if artifact else None
    return {
        WinnerBy.ACCURACY: result.drop_pt if result else None,
        WinnerBy.LATENCY: latency.p50 if latency else None,
        WinnerBy.SIZE: artifact.size_bytes if artifact else None,
    }


@given(CANDIDATES, PLANS)
def test_the_winner_is_the_best_of_those_that_may_win(candidates: list[Candidate], of: SweepPlan) -> None:
    judged = chosen(candidates, of)
    wanted = of.winner
    eligible = [
        each
        for each in judged
        if (of.gates == Gates() or each.within_gates)
        and not each.problems
        and metrics(each, wanted.runtime)[wanted.by] is not None
    ]
    winners = [each for each in judged if each.winner]
    assert len(winners) == bool(eligible)
    if not winners:
        return
    (winner,) = winners
    assert winner in eligible
    best: Any = metrics(winner, wanted.runtime)
    for other in eligible:
        found: Any = metrics(other, wanted.runtime)
        assert found[wanted.by] >= best[wanted.by]
        if wanted.by is not WinnerBy.ACCURACY and found[wanted.by] == best[wanted.by]:
            drops = [each[WinnerBy.ACCURACY] for each in (found, best)]
            assert drops[1] is None or drops[0] is None or drops[0] >= drops[1]


@given(CANDIDATES, PLANS)
def test_a_front_has_no_candidate_that_another_one_beats(candidates: list[Candidate], of: SweepPlan) -> None:
    judged = chosen(candidates, of)
    price = WinnerBy.LATENCY if any(each.latency for each in judged) else WinnerBy.SIZE
    for runtime in Runtime:
        points: list[tuple[Any, Any, bool]] = [
            (found[WinnerBy.ACCURACY], found[price], runtime in each.front)
            for each in judged
            for found in [metrics(each, runtime)]
        ]
        known = [point for point in points if None not in point]
        assert not any(on_front for *point, on_front in points if None in point)
        for drop, cost, on_front in known:
            beaten = any(d <= drop and c <= cost and (d < drop or c < cost) for d, c, _ in known)
            assert on_front is not beaten


def test_milliseconds_are_not_compared_with_bytes() -> None:
    """One whose board failed has no latency: it is no point, rather than one at its size."""
    failed = candidate("levit", "mixed", drops=(0.1, 0.1), times_ms=None, problems=("latency: the board is gone",))
    timed, unmeasured = chosen([candidate("levit", "static"), failed], plan())
    assert timed.front == tuple(Runtime)
    assert unmeasured.front == ()


def test_a_missed_gate_counts_although_another_one_cannot_be_judged() -> None:
    (judged,) = chosen(
        [candidate("levit", "static", times_ms=None)], plan(gates=Gates(max_drop_pt=0.1, max_latency_ms=5.0))
    )
    assert judged.within_gates is False


def test_a_drop_from_an_accuracy_that_cannot_be_right_is_within_no_gate() -> None:
    poor = with_poor_fp32(candidate("levit", "static"))
    (judged,) = chosen([poor], plan(gates=Gates(max_drop_pt=1.0)))
    assert (judged.within_gates, judged.winner) == (False, False)
    (allowed,) = chosen([poor], plan(gates=Gates(max_drop_pt=1.0, allow_poor_fp32=True)))
    assert (allowed.within_gates, allowed.winner) == (True, True)
    for gates in (Gates(), Gates(allow_poor_fp32=True)):
        assert [(each.within_gates, each.winner) for each in chosen([poor], plan(gates=gates))] == [(None, True)]
    (small,) = chosen([poor], plan(gates=Gates(max_int8_bytes=10_000_000)))
    assert small.within_gates


def test_on_the_interval_its_upper_end_is_judged_and_the_drop_still_compared() -> None:
    """The interval is a quarter of a point to both sides: of two within the gate by their drop it keeps one."""
    both = [candidate("levit", "static", drops=(0.9, 0.9)), candidate("levit", "mixed", drops=(0.7, 0.7))]
    by_drop = chosen(both, plan(gates=Gates(max_drop_pt=1.0)))
    assert [each.within_gates for each in by_drop] == [True, True]
    gates = Gates(max_drop_pt=1.0, on=GateOn.INTERVAL)
    by_interval = chosen(both, plan(gates=gates))
    assert [(each.within_gates, each.winner) for each in by_interval] == [(False, False), (True, True)]
    assert [(check.gate, check.found) for check in gate_checks(by_interval[1], gates)] == [("interval", 0.95)] * 2
    (poor,) = chosen([with_poor_fp32(both[1])], plan(gates=gates))
    assert poor.within_gates is False


def test_winners_that_few_images_let_pass_are_named() -> None:
    unsure = candidate("unsure", "static", drops=(0.4, 0.8))
    of = plan(("static",), gates=Gates(max_drop_pt=1.0))
    told = too_few_images(swept([unsure, candidate("sure", "static", drops=(0.4, 0.5))], of))
    assert told is not None
    assert told.startswith("unsure: the winner's drop is within the gate, but 5,000 images are too few to tell: it may")
    assert "1.05 points (95 % interval)" in told
    judged = replace(of, gates=Gates(max_drop_pt=1.0, on=GateOn.INTERVAL))
    assert too_few_images(swept([unsure], judged)) is None
    assert too_few_images(swept([unsure], replace(of, gates=Gates()))) is None


@pytest.mark.parametrize(("sqnr_db", "wins"), [(29.0, False), (31.0, True), (None, True)])
def test_of_equal_drops_the_higher_sqnr_wins(sqnr_db: float | None, wins: bool) -> None:
    """None: the logits are the same, bit for bit."""
    judged = chosen([candidate("levit", "static"), candidate("levit", "mixed", sqnr_db=sqnr_db)], plan())
    assert judged[1].winner is wins
