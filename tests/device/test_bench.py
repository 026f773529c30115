"""The agent takes files in turns; a worker that fails is only its own file's fault."""

import itertools
from typing import Any

import pytest

from levit_edge.device import bench
from levit_edge.device.protocol import AgentError
from tests.board.measuring import JOB


class FakeLane:
    """A worker that fails at one request; takes 1, 2, 3, … ms."""

    fails_at = ""
    asked: list[str]

    def __init__(self) -> None:
        self.asked = []
        LANES.append(self)

    def ask(self, do: str, **_request: Any) -> dict[str, Any]:
        self.asked.append(do)
        if do == self.fails_at:
            raise AgentError("died", "its process died")
        golden = {"images": 1, "same_top1": 1, "signal": 1.0, "noise": 0.0, "std": 1.0}
        answers: dict[str, dict[str, Any]] = {
            "golden": golden,
            "run": {"ms": [float(len(self.asked))]},
            "memory": {"peak_bytes": 1},
        }
        return answers.get(do, {})

    def close(self) -> None:
        self.asked.append("close")


LANES: list[FakeLane] = []


@pytest.fixture
def lanes(monkeypatch: pytest.MonkeyPatch) -> list[FakeLane]:
    LANES.clear()
    monkeypatch.setattr(bench, "Lane", FakeLane)
    return LANES


def test_files_take_turns(lanes: list[FakeLane]) -> None:
    said: list[dict[str, Any]] = []
    document = bench.Bench("folder", JOB, said.append).result()
    assert [each.asked for each in lanes] == [["open", "golden", "run", "run", "run", "memory", "close"]] * 2
    assert [each["rounds"] for each in document["entries"]] == [[[3.0], [4.0], [5.0]]] * 2
    assert [each["done"] for each in said if each["progress"] == "time"] == [1, 2, 3]
    assert document["sustained"] is None


def test_profiles_come_after_all_else_of_onnx_files_alone(
    lanes: list[FakeLane], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(FakeLane):
        def __init__(self) -> None:
            super().__init__()
            self.fails_at = "profile" if len(LANES) == 1 else ""

    monkeypatch.setattr(bench, "Lane", Failing)
    program = {"file": "c", "runtime": "executorch", "int8": True}
    job = JOB | {"files": [*JOB["files"], program], "least_sqnr_db": JOB["least_sqnr_db"] | {"c": 20.0}}
    document = bench.Bench("folder", job | {"profiled_runs": 3}, lambda _document: None).result()
    assert [each.asked[-3:] for each in lanes] == [["memory", "profile", "close"]] * 2 + [["run", "memory", "close"]]
    assert [each["error"] for each in document["entries"]] == [None] * 3
    assert document["entries"][0]["profile"]["error"]["message"] == "its process died"
    assert "error" not in document["entries"][1]["profile"]
    assert "profile" not in document["entries"][2]


def test_a_file_that_fails_only_at_continuous_work_is_its_own_row_only(
    lanes: list[FakeLane], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one with float16 may, the fastest: the other int8 file is sustained."""

    class Failing(FakeLane):
        def __init__(self) -> None:
            super().__init__()
            self.fails_at = "run" if len(LANES) == 3 else ""  # the two of the turns go before

    monkeypatch.setattr(bench, "Lane", Failing)
    monkeypatch.setattr("time.monotonic", itertools.count().__next__)
    files = [file | {"int8": True} for file in JOB["files"]]
    document = bench.Bench("folder", JOB | {"files": files, "sustained_s": 2}, lambda _document: None).result()
    first, second = document["entries"]
    assert (first["error"]["message"], second["error"]) == ("its process died", None)
    assert document["sustained"]["file"] == second["file"] == "b"
    assert [each.asked[-1] for each in lanes] == ["close"] * 4


@pytest.mark.parametrize("step", ["open", "golden", "run", "memory"])
def test_a_worker_that_dies_at_any_step_is_its_own_row_only(
    lanes: list[FakeLane], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    class Failing(FakeLane):
        def __init__(self) -> None:
            super().__init__()
            self.fails_at = step if len(LANES) == 1 else ""

    monkeypatch.setattr(bench, "Lane", Failing)
    first, second = bench.Bench("folder", JOB, lambda _document: None).result()["entries"]
    assert first["error"] == {"kind": "died", "message": "its process died", "file": None}
    assert second["error"] is None
    assert len(second["rounds"]) == 3
    assert [each.asked[-1] for each in lanes] == ["close"] * 2
