"""What tasks cost, and the forecast that is made of it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.scaling.costs import Costs, costs
from benchmarks.scaling.forecast import Work, forecast
from benchmarks.scaling.overhead import measure
from levit_edge.errors import SweepError
from levit_edge.sweep.tasks.result import Result
from levit_edge.sweep.tasks.store import Store

COSTS = Costs(
    index_image_s=0.001,
    identify_s=1.0,
    export_s=20.0,
    calibrate_s=30.0,
    quantize_s=40.0,
    evaluate_image_s=0.05,
    evaluate_load_s=3.0,
    files=12,
    file_bytes=150_000_000,
)
WORKS = st.builds(
    Work,
    checkpoints=st.integers(1, 12),
    recipes=st.integers(1, 6),
    calibrations=st.integers(1, 3),
    images=st.integers(1, 5000),
    shard_images=st.integers(1, 700),
)


@given(WORKS, st.integers(1, 20), st.integers(1, 4), st.floats(0, 0.05))
def test_no_forecast_is_better_than_its_bounds(work: Work, nodes: int, slots: int, driver_s: float) -> None:
    found = forecast(work, COSTS, driver_s, nodes, slots)
    # The chain counts a whole first shard; the schedule may find its load spread over workers.
    least = max(found.work_s, found.driver_s, COSTS.identify_s + COSTS.calibrate_s + COSTS.quantize_s)
    assert found.makespan_s >= least - 1e-6
    assert found.tasks == work.shards + work.checkpoints * (2 + work.calibrations + work.recipes + work.shards)


def test_one_slot_does_everything_one_after_the_other() -> None:
    work = Work(checkpoints=2, recipes=3, images=1000)
    found = forecast(work, COSTS, 0.0, 1, 1)
    by_hand = 1000 * 0.001 + 2 * (1 + 20 + 30 + 3 * 40 + 1000 * 0.05) + 2 * 3.0
    assert found.makespan_s == pytest.approx(by_hand)
    assert found.work_s == pytest.approx(by_hand)
    assert found.bottleneck == "work"


def test_many_nodes_are_limited_by_what_cannot_be_divided() -> None:
    work = Work(checkpoints=4, images=2000)
    assert forecast(work, COSTS, 0.0, 10_000, 1).bottleneck == "the longest chain"
    assert forecast(work, COSTS, 5.0, 100, 1).bottleneck == "the driver"


def test_costs_are_read_from_a_store(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    artifact = store.add(b"x" * 1000)
    for kind, inputs, value, seconds in (
        ("index", {"name": "a"}, {"images": 100}, 0.2),
        ("identify", {"path": "p"}, {}, 1.0),
        ("export", {"checkpoint": "c"}, None, 20.0),
        ("calibrate", {"checkpoint": "c"}, {}, 30.0),
        ("quantize", {"recipe": 1}, {}, 40.0),
        ("quantize", {"recipe": 2}, {}, 44.0),
        ("evaluate", {"artifact": artifact, "images": "1"}, {"tally": {"images": 100}}, 8.0),
        ("evaluate", {"artifact": artifact, "images": "2"}, {"tally": {"images": 100}}, 5.0),
        ("evaluate", {"artifact": artifact, "images": "3"}, {"tally": {"images": 50}}, 2.5),
    ):
        store.keep(kind, inputs, {}, Result(value=value, seconds=seconds))
    found, tasks = costs(tmp_path)
    assert found == Costs(
        index_image_s=0.002,
        identify_s=1.0,
        export_s=20.0,
        calibrate_s=30.0,
        quantize_s=42.0,
        evaluate_image_s=0.05,
        evaluate_load_s=3.0,
        files=1,
        file_bytes=1000,
    )
    assert tasks["evaluate"] == 3
    (tmp_path / "other").mkdir()
    with pytest.raises(SweepError, match="has no results of calibrate, evaluate, export"):
        costs(tmp_path / "other")


def test_tasks_that_do_nothing_are_counted() -> None:
    found = measure("local", 30, 1)
    assert found.tasks == 30
    assert min(found.tasks_per_second, found.driver_cpu_ms, found.single_ms, found.again_ms, found.start_s) > 0
    assert json.dumps(found.engine) == '"1 process on this machine"'
