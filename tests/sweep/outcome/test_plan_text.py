from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from levit_edge.bundle.kinds import GateOn, Runtime
from levit_edge.bundle.recipe import Recipe, Scheme
from levit_edge.sweep.outcome.page import plan_lines
from levit_edge.sweep.plan import (
    Calibration,
    CheckpointSource,
    Evaluation,
    Gates,
    Latency,
    SweepPlan,
    Winner,
    WinnerBy,
    read_plan,
)
from tests.sweep.example import plan

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBER = st.none() | st.floats(-100, 100)
PLACE = TEXT.map("s3://{}".format)
"""Not a path: those are made absolute when a plan is read."""
PLANS = st.builds(
    SweepPlan,
    checkpoints=st.lists(
        st.builds(CheckpointSource, path=PLACE, mean=st.none() | st.just((0.5, 0.25, 1.0))), min_size=1, max_size=3
    ).map(tuple),
    recipes=st.dictionaries(
        st.from_regex(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,9}", fullmatch=True),
        st.builds(Recipe, scheme=st.sampled_from(Scheme), float_layers=st.lists(TEXT, max_size=2).map(tuple)),
        min_size=1,
        max_size=3,
    ),
    calibration=st.builds(Calibration, images=PLACE, skip_bad_images=st.booleans()),
    evaluation=st.builds(Evaluation, images=PLACE, count=st.none() | st.integers(1, 10**30)),
    gates=st.builds(Gates, max_drop_pt=NUMBER, max_latency_ms=st.none() | st.floats(1e-9, 1e9))
    | st.builds(Gates, max_drop_pt=st.floats(-100, 100), on=st.sampled_from(GateOn)),
    winner=st.builds(Winner, by=st.sampled_from(WinnerBy), runtime=st.sampled_from(Runtime)),
    latency=st.builds(Latency),
)


@given(PLANS)
def test_a_plan_comes_back(tmp_path_factory: pytest.TempPathFactory, written: SweepPlan) -> None:
    path = tmp_path_factory.getbasetemp() / "plan.toml"
    path.write_text("\n".join(plan_lines(written)), encoding="utf-8", newline="")
    assert read_plan(path) == written


def test_what_is_not_wanted_is_left_out(tmp_path: Path) -> None:
    without = plan(timed=False)
    lines = list(plan_lines(without))
    assert "[latency]" not in lines
    assert not any("None" in line or "null" in line for line in lines)
    (tmp_path / "plan.toml").write_text("\n".join(lines))
    assert read_plan(tmp_path / "plan.toml") == without
