"""What is made of onnxruntime's profile, its own and older or broken ones."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest

from levit_edge.device import profile
from levit_edge.device.engines import import_engine, open_onnxruntime
from levit_edge.device.profile import FULL, profile_runs
from levit_edge.device.protocol import AgentError
from tests.conftest import colour_classifier

RUNS = 4


def test_every_operator_has_its_time_less_what_the_profiler_cost(tmp_path: Path) -> None:
    model, image = colour_classifier(np.eye(3)), np.zeros((1, 3, 32, 32), np.float32)
    _, load = import_engine("onnxruntime")
    found = profile_runs(load(model, 1), image, model, 1, RUNS, str(tmp_path))
    assert len(found["plain_ms"]) == len(found["profiled_ms"]) == RUNS
    assert {operator for _, operator, _ in found["nodes"]} >= {"GlobalAveragePool", "Flatten"}
    assert all(microseconds >= 0 for _, _, microseconds in found["nodes"])
    assert found["cost_us"] >= 0
    assert not any(tmp_path.iterdir())
    json.dumps(found)


@pytest.mark.parametrize(
    ("operators_us", "plain_us", "cost"),
    [
        ([3.0, 3.0, 12.0], 12.0, 2.0),  # the difference, shared out
        ([1.0, 3.0, 12.0], 4.0, 1.0),  # no more than the shortest has
        ([3.0, 3.0, 12.0], 20.0, 0.0),  # disturbed runs: nothing can be said
    ],
)
def test_the_profilers_cost(operators_us: list[float], plain_us: float, cost: float) -> None:
    assert profile._cost(operators_us, plain_us) == pytest.approx(cost)


def node(name: str, microseconds: int) -> dict[str, Any]:
    return {"cat": "Node", "name": f"{name}_kernel_time", "dur": microseconds, "args": {"op_name": "Add"}}


RUN = {"cat": "Session", "name": "model_run", "dur": 1}
START = {"cat": "Session", "name": "session_initialization", "dur": 1}
FENCE = {"cat": "Node", "name": "a_fence_before", "dur": 9, "args": {"op_name": "Add"}}
"""Of older versions."""


def written(folder: Path, text: str) -> str:
    path = folder / "profile.json"
    path.write_text(text)
    return str(path)


def test_operators_are_those_of_a_run_without_what_stands_beside_them(tmp_path: Path) -> None:
    events = [START, FENCE, node("a", 5), node("b", 1), RUN, node("a", 7), node("b", 3), RUN]
    runs = profile._read(written(tmp_path, json.dumps(events)), str(tmp_path))
    assert runs == [[("a", "Add", 5), ("b", "Add", 1)], [("a", "Add", 7), ("b", "Add", 3)]]
    assert profile._fastest_half([*runs, runs[1], runs[1]]) == [("a", "Add", 6.0), ("b", "Add", 2.0)]


@pytest.mark.parametrize(
    "text", ['[{"cat": "Node", "na', "[1]", "{}", '[{"name": "model_run"}]', '[{"cat": "Node"}]', "", "null"]
)
def test_a_profile_that_is_none_is_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(AgentError, match=r"onnxruntime's profile (cannot be read|has not the same)") as caught:
        profile._fastest_half(profile._read(written(tmp_path, text), str(tmp_path)))
    assert caught.value.kind == "profile"
    assert not any(tmp_path.iterdir())


def test_a_profile_that_the_full_disk_cut_short_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage._replace(free=FULL - 1))
    with pytest.raises(AgentError, match="was not written whole") as caught:
        profile._read(written(tmp_path, "[{"), str(tmp_path))
    assert caught.value.kind == "disk"
    with pytest.raises(AgentError) as missing:
        profile._read(str(tmp_path / "nothing"), str(tmp_path))
    assert missing.value.kind == "disk"


@pytest.mark.parametrize("runs", [[], [[]], [[("a", "Add", 1)], [("b", "Add", 1)]], [[("a", "Add", 1)], []]])
def test_runs_that_differ_are_no_profile(runs: Any) -> None:
    with pytest.raises(AgentError, match="has not the same operators in every run"):
        profile._fastest_half(runs)


def test_an_onnxruntime_without_profiler_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "SessionOptions", SimpleNamespace)
    with pytest.raises(AgentError, match=r"onnxruntime 1\.\S+ has no profiler, 1\.15\.0 has: pip install") as caught:
        open_onnxruntime(colour_classifier(np.eye(3)), 1, "profile")
    assert caught.value.kind == "profile"
