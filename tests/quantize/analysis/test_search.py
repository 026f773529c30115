"""The budget search: fewest moves, best first, measured on images of its own, and resumed only with the same inputs."""

import dataclasses
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from levit_edge import demo
from levit_edge.bundle.manifest import Move, SearchRecord, Trial
from levit_edge.bundle.recipe import LayerScheme, Recipe
from levit_edge.data.classes import ModelClasses
from levit_edge.data.image_set import evaluation_images
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.loader import BadImage
from levit_edge.data.options import ImageOptions
from levit_edge.data.sampling import balanced_sample
from levit_edge.errors import DataError
from levit_edge.quantize.analysis.search import SearchState, fewest, rank_moves, search_schemes, state_key
from levit_edge.quantize.plan import Plan
from levit_edge.quantize.prepare import prepare, split_for_search
from levit_edge.quantize.stage_cache import StageCache
from levit_edge.runtime.evaluation.gate import GateRules
from levit_edge.system.progress import Stages
from tests.quantize.conftest import Demo, plan_of

STATIC, DYNAMIC, FLOAT = LayerScheme.STATIC, LayerScheme.DYNAMIC, LayerScheme.FLOAT


@given(most=st.integers(0, 200), needed=st.integers(0, 250))
def test_the_fewest_are_found_in_few_trials(most: int, needed: int) -> None:
    tried: list[int] = []

    def holds(count: int) -> bool:
        assert 0 <= count <= most
        tried.append(count)
        return count >= needed

    assert fewest(holds, most) == (needed if needed <= most else None)
    assert len(tried) <= 18
    assert len(set(tried)) == len(tried)


def test_moves_come_in_the_order_of_noise_per_time() -> None:
    schemes = {"stem.conv1": DYNAMIC, "blocks.0.k": STATIC, "blocks.2.q": STATIC, "rest": STATIC, "head": FLOAT}
    noise = {
        ("stem.conv1", LayerScheme.STATIC): 9.0,
        ("stem.conv1", LayerScheme.DYNAMIC): 1.0,
        ("blocks.0.k", LayerScheme.STATIC): 8.0,
        ("blocks.0.k", LayerScheme.DYNAMIC): 0.5,
        ("blocks.2.q", LayerScheme.STATIC): 0.1,
        ("rest", LayerScheme.STATIC): 0.0,
        ("rest", LayerScheme.DYNAMIC): 0.0,
        ("head", LayerScheme.STATIC): 5.0,
    }
    work = {"stem.conv1": 10, "blocks.0.k": 10, "blocks.2.q": 10, "rest": 1000, "head": 1}
    assert rank_moves(schemes, noise, work) == (
        Move(layer="blocks.0.k", scheme=LayerScheme.DYNAMIC),
        Move(layer="stem.conv1", scheme=LayerScheme.FLOAT),
        Move(layer="blocks.0.k", scheme=LayerScheme.FLOAT),
        Move(layer="blocks.2.q", scheme=LayerScheme.FLOAT),
    )


def test_a_layer_that_gains_most_in_float_goes_there_at_once() -> None:
    noise = {("head", LayerScheme.STATIC): 8.0, ("head", LayerScheme.DYNAMIC): 7.9, ("rest", LayerScheme.STATIC): 0.0}
    moves = rank_moves({"head": STATIC, "rest": STATIC}, noise, {"head": 10, "rest": 100})
    assert moves == (Move(layer="head", scheme=LayerScheme.FLOAT),)


@pytest.fixture(scope="module")
def evaluation() -> ImageSet:
    return balanced_sample(evaluation_images(demo.evaluation_dir(), ModelClasses(outputs=10)), 40, seed=0)


def test_no_image_both_chooses_and_measures(evaluation: ImageSet) -> None:
    search, final = split_for_search(evaluation, seed=3)
    assert len(search) == len(final) == 20
    assert not set(search.images) & set(final.images)
    assert search.labels is not None
    assert [search.labels.count(label) for label in range(10)] == [2] * 10
    assert split_for_search(evaluation, seed=3)[0].images == search.images
    with pytest.raises(DataError, match="at least 2"):
        split_for_search(evaluation.select([0]), seed=0)


def kept(folder: Path, warn: Callable[[str], None] = lambda _message: None) -> StageCache:
    """What is kept in `folder`."""
    return StageCache({}, warn, folder)


def search(plan: Plan, images: ImageSet, results: StageCache, max_drop_pt: float) -> tuple[Plan, SearchRecord]:
    run = prepare(
        None,
        "demo",
        calibration=None,
        evaluation=None,
        recipe=Recipe(),
        options=ImageOptions(workers=0),
        rules=GateRules(max_drop_pt=max_drop_pt),
        stages=Stages(),
        warn=pytest.fail,
    )
    found, record = search_schemes(dataclasses.replace(run, search_images=images), plan, results, Stages())
    assert record
    return found, record


@pytest.fixture(scope="module")
def poor_plan(demo_steps: Demo) -> Plan:
    """Weights so badly calibrated that the demo loses much."""
    return plan_of(demo_steps.deploy, demo_steps.images[:1] * 0.2)


@pytest.mark.export
def test_layers_move_until_the_budget_holds(poor_plan: Plan, evaluation: ImageSet, tmp_path: Path) -> None:
    with kept(tmp_path) as results:
        plan, record = search(poor_plan, evaluation, results, max_drop_pt=3.0)
    by_moves = {trial.moves: trial for trial in record.trials}
    assert not by_moves[0].drop_pt <= 0
    assert record.held
    assert record.moves
    chosen = by_moves[len(record.moves)]
    assert chosen.drop_pt + chosen.standard_error_pt <= 3.0
    assert {move.layer: move.scheme for move in record.moves} == {
        name: str(scheme) for name, scheme in plan.schemes.items() if scheme is not poor_plan.schemes[name]
    }
    with kept(tmp_path) as results:
        assert SearchState(results, evaluation).trials == by_moves
        assert search(poor_plan, evaluation, results, max_drop_pt=3.0)[1] == record
        assert not SearchState(results, evaluation.select(range(20))).trials
        others = replace(evaluation, labels=tuple(reversed(evaluation.labels or ())))
        assert not SearchState(results, others).trials  # another table of classes


@pytest.mark.export
def test_a_budget_that_cannot_be_met_gives_the_best(demo_steps: Demo, evaluation: ImageSet, tmp_path: Path) -> None:
    with kept(tmp_path) as results:
        state = SearchState(results, evaluation)
        state.moves = tuple(Move(layer=layer, scheme=LayerScheme.FLOAT) for layer in ("head", "stem.conv1"))
        state.keep()
        plan = plan_of(demo_steps.deploy, demo_steps.images, Recipe())
        _, record = search(plan, evaluation, results, max_drop_pt=-50.0)
    assert not record.held
    assert {trial.moves for trial in record.trials} == {0, 1, 2}
    best = min(trial.drop_pt + trial.standard_error_pt for trial in record.trials)
    chosen = next(trial for trial in record.trials if trial.moves == len(record.moves))
    assert chosen.drop_pt + chosen.standard_error_pt == best


TRIAL = Trial(
    moves=1,
    samples=2,
    flips_lost=1,
    flips_gained=0,
    drop_pt=50.0,
    standard_error_pt=35.0,
    agreement=50.0,
    sqnr_db=None,
)


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"moves": null, "trials": [1], "bad": {}}', '{"moves": null, "trials": [], "bad": {"99": ""}}'],
)
def test_a_damaged_state_is_not_taken(tmp_path: Path, evaluation: ImageSet, content: str) -> None:
    said: list[str] = []
    with kept(tmp_path, said.append) as results:
        results.keep("search", state_key(evaluation), content.encode())
        assert SearchState(results, evaluation).trials == {}
    assert said == ["the search kept from an interrupted run is damaged: made anew."]


def test_every_result_is_kept_at_once_with_the_images_that_were_bad(tmp_path: Path, evaluation: ImageSet) -> None:
    said: list[str] = []
    bad = [BadImage(evaluation.images[3], "an empty file")]
    with kept(tmp_path, said.append) as results:
        state = SearchState(results, evaluation)
        state.moves = (Move(layer="head", scheme=LayerScheme.FLOAT),)
        state.keep()
        assert SearchState(results, evaluation).moves == state.moves
        state.trials, state.bad = {1: TRIAL}, tuple(bad)
        state.keep()
        again = SearchState(results, evaluation)
        assert (again.trials, list(again.bad)) == ({1: TRIAL}, bad)
    assert all(line.startswith("search taken from the interrupted run of ") for line in said)
    assert len(said) == 2


def test_images_that_no_trial_could_read_stay_out_of_a_resumed_record(
    demo_steps: Demo, evaluation: ImageSet, tmp_path: Path
) -> None:
    """All trials are there: no image is decoded again."""
    bad = [BadImage(evaluation.images[3], "an empty file")]
    with kept(tmp_path) as results:
        state = SearchState(results, evaluation)
        state.moves, state.bad = (), tuple(bad)
        state.trials = {0: dataclasses.replace(TRIAL, moves=0, drop_pt=0.0)}
        state.keep()
        _, record = search(demo_steps.plan, evaluation, results, max_drop_pt=50.0)
    assert record.images.count == len(evaluation) - 1
    assert record.images.skipped == (evaluation.relative_paths[3],)
