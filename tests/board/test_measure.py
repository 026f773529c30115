"""Measuring: on this computer, and with figures that a stand-in makes up or gets wrong."""

import copy
import dataclasses
import io
import math
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from levit_edge.benchmark.measurement import LatencyGate, Measurement
from levit_edge.board.measure import Plan, measure
from levit_edge.board.session import Session
from levit_edge.board.transports.local import LocalTransport
from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.writer import BundleWriter
from levit_edge.device import bench
from levit_edge.device.protocol import AgentError
from levit_edge.documents import from_json, to_json
from levit_edge.errors import BoardError, BundleError, DataError
from tests.board.conftest import Place, hook_agent
from tests.board.stand_in import HELLO, answering
from tests.conftest import colour_classifier

QUICK = Plan(runs=4, threads=(1,))


def entry(file: str, **changes: Any) -> dict[str, Any]:
    """What the agent says of one file."""
    healthy: dict[str, Any] = {
        "file": file,
        "threads": 1,
        "rounds": [[4.0, 4.0], [4.0, 6.0]] if file == "fp32.onnx" else [[1.0, 1.0], [2.0, 3.0]],
        "error": None,
        "package": "onnxruntime 1.31.0",
        "imported_bytes": 60 << 20,
        "peak_bytes": 64 << 20,
        "load_ms": 12.3456,
        "first_ms": 3.0,
        "golden": {"images": 2, "same_top1": 2, "signal": 100.0, "noise": 0.001, "std": 1.0},
    }
    return healthy | changes


def answer(*entries: dict[str, Any], **changes: Any) -> dict[str, Any]:
    healthy: dict[str, Any] = {"before": {}, "after": {}, "entries": list(entries or BOTH), "sustained": None}
    return healthy | changes


BOTH = (entry("fp32.onnx"), entry("int8.onnx"))


def measured(bundle: Bundle, document: dict[str, Any], plan: Plan = QUICK) -> Measurement:
    """With a board that gives this answer."""
    measurement = measure(bundle, answering(hello=HELLO, bench=document), plan)
    assert from_json(Measurement, to_json(measurement), DataError, "measurement") == measurement
    return measurement


# --- on this computer ------------------------------------------------------------------------------------------------


def test_every_file_is_checked_and_timed(bundle: Bundle, place: Place) -> None:
    told: list[str] = []
    plan = Plan(runs=5, threads=(1, 2))
    found = measure(bundle, LocalTransport(), plan, lambda what, _done, _total: told.append(what))
    assert place.files() == []
    assert [(each.artifact, each.threads, each.error) for each in found.results] == [
        (file, threads, "") for file in ("fp32.onnx", "int8.onnx") for threads in (1, 2)
    ]
    for each in found.results:
        assert each.latency_ms is not None
        assert 0 < each.latency_ms.min <= each.latency_ms.p50 <= each.latency_ms.p90 <= each.latency_ms.p99
        assert each.runs == 5
        assert each.package.startswith("onnxruntime 1.")
        assert each.golden is not None
        assert each.golden.same_top1 == each.golden.images == 2
        assert each.load_ms
        assert each.first_ms
        assert each.peak_rss_bytes
        assert each.images_per_second == pytest.approx(1000 / each.latency_ms.p50, abs=0.01)
    assert [(each.runtime, each.threads) for each in found.speedups] == [
        (Runtime.ONNXRUNTIME, 1),
        (Runtime.ONNXRUNTIME, 2),
    ]
    assert (found.target, found.rounds, found.runs) == ("local", 5, 1)
    assert found.device.architecture == os.uname().machine
    assert found.device.memory_bytes > 0
    assert found.gate == LatencyGate()
    steps = list(dict.fromkeys(told))
    assert steps == [
        "send fp32.onnx", "send int8.onnx", "send golden.npz",
        "check fp32.onnx 1 thread", "check int8.onnx 1 thread", "time 1 thread",
        "check fp32.onnx 2 threads", "check int8.onnx 2 threads", "time 2 threads",
    ]  # fmt: skip


def test_continuous_work_is_a_curve(bundle: Bundle, place: Place) -> None:
    found = measure(bundle, LocalTransport(), dataclasses.replace(QUICK, sustained_s=1)).sustained
    assert found is not None
    assert found.artifact == "int8.onnx"
    assert found.threads == 1
    assert found.points
    assert found.slowdown > 0
    assert place.files() == []


def test_a_runtime_that_is_asked_for_and_not_in_the_bundle_is_an_error(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match="executorch"):
        measure(bundle, answering(), dataclasses.replace(QUICK, runtimes=(Runtime.EXECUTORCH,)))


def test_a_worker_that_is_killed_is_a_row_with_the_reason(
    bundle: Bundle, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is killed when the first turn is over; the other file has all its turns."""
    hook_agent(monkeypatch, SECOND_TURN.format('entry["file"] == "fp32.onnx" and os.kill(lane.pid, signal.SIGKILL)'))
    fp32, int8 = measure(bundle, LocalTransport(), Plan(runs=100, threads=(1,))).results
    assert fp32.error == "its process died (SIGKILL, often for want of memory)"
    assert fp32.latency_ms is None
    assert int8.error == ""
    assert int8.runs == 100
    assert place.files() == []


SECOND_TURN = """
import os, signal, time
from levit_edge.device.bench import Bench
original = Bench._turn

def turn(self, lane, entry, number):
    if number == 1:
        {}
    original(self, lane, entry, number)

Bench._turn = turn
"""


def changed_bundle(bundle: Bundle, path: Path, **contents: bytes) -> Bundle:
    """A whole bundle with other files in it; `int8_onnx=…`."""
    changed = {name.replace("_", "."): data for name, data in contents.items()}
    manifest = bundle.manifest
    with BundleWriter(path) as writer:
        for name in manifest.files:
            writer.add(name, changed.get(name, bundle.read(name)))
        artifacts = tuple(
            dataclasses.replace(each, size_bytes=len(changed[each.file]), sha256=writer.files[each.file])
            if each.file in changed
            else each
            for each in manifest.artifacts
        )
        writer.commit(dataclasses.replace(manifest, files=dict(writer.files), artifacts=artifacts))
    return Bundle.open(path)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (b"no model", r"onnxruntime 1\.\S+ refuses the file: .*"),
        (colour_classifier(np.eye(3)), r"it does not compute here what it computed where it was made: [012] of 2 golden"
         r" images have the same top-1, and the logits differ by more than 20\.0 dB"),
        (colour_classifier(np.zeros((3, 3))), "it does not compute here .*"),
        (colour_classifier(np.full((3, 3), np.nan)), "it does not compute here .*"),
        (colour_classifier(np.eye(3, 7)), "ValueError: .*"),
    ],
    ids=["damaged", "another model", "zeros", "nan", "other classes"],
)  # fmt: skip
def test_a_file_that_does_not_work_there_is_not_timed(
    bundle: Bundle, tmp_path: Path, place: Place, model: bytes, reason: str
) -> None:
    fp32, int8 = measure(changed_bundle(bundle, tmp_path / "changed", int8_onnx=model), LocalTransport(), QUICK).results
    assert fp32.runs == 4
    assert int8.latency_ms is None
    assert re.fullmatch(reason, int8.error)
    assert place.files() == []


def test_golden_inputs_that_are_damaged_are_a_reason(bundle: Bundle, tmp_path: Path) -> None:
    golden = io.BytesIO()
    np.savez(golden, allow_pickle=False, inputs=np.zeros((2, 3, 32, 32), np.float32))
    changed = changed_bundle(bundle, tmp_path / "changed", golden_npz=golden.getvalue())
    assert [each.error.partition(":")[0] for each in measure(changed, LocalTransport(), QUICK).results] == [
        "KeyError"
    ] * 2


# --- what a board has and lacks --------------------------------------------------------------------------------------


def test_files_of_a_runtime_that_the_board_has_not_are_rows_that_say_so(both_runtimes: Bundle) -> None:
    found = measured(both_runtimes, answer())
    assert [(each.artifact, bool(each.latency_ms), each.error) for each in found.results] == [
        ("fp32.onnx", True, ""),
        ("int8.onnx", True, ""),
        *(
            (
                f"{name}.pte",
                False,
                "/usr/bin/python3 (Python 3.11) has no executorch: `pip install executorch` there, or --setup",
            )
            for name in ("fp32", "int8")
        ),
    ]


def test_a_runtime_that_is_asked_for_and_missing_is_an_error(both_runtimes: Bundle) -> None:
    plan = dataclasses.replace(QUICK, runtimes=(Runtime.EXECUTORCH, Runtime.ONNXRUNTIME))
    with pytest.raises(BoardError, match=r"board: /usr/bin/python3 \(Python 3\.11\) has no executorch\. Install it"):
        measured(both_runtimes, answer(), plan)


def test_only_the_runtimes_asked_for_are_measured(both_runtimes: Bundle) -> None:
    plan = dataclasses.replace(QUICK, runtimes=(Runtime.ONNXRUNTIME,))
    assert [each.artifact for each in measured(both_runtimes, answer(), plan).results] == ["fp32.onnx", "int8.onnx"]


@pytest.mark.parametrize(("cores", "threads"), [(1, [1]), (2, [1, 2]), (4, [1, 4]), (64, [1, 4])])
def test_the_default_is_one_thread_and_as_many_as_cores_but_at_most_four(
    bundle: Bundle, cores: int, threads: list[int]
) -> None:
    hello = HELLO | {"facts": HELLO["facts"] | {"usable_cores": cores}}
    entries = [each | {"threads": count} for each in BOTH for count in threads]
    found = measure(bundle, answering(hello=hello, bench=answer(*entries)), Plan(runs=4))
    assert sorted({each.threads for each in found.results}) == threads


def test_an_emulated_processor_that_is_known_beforehand_is_named(bundle: Bundle) -> None:
    board = answering(hello=HELLO, bench=answer())
    assert measure(bundle, board, QUICK).device.emulator is None
    board.emulator = "qemu-user"
    assert str(measure(bundle, board, QUICK).device.emulator).startswith("qemu-user")


# --- figures ---------------------------------------------------------------------------------------------------------


def test_figures_are_those_of_the_runs(bundle: Bundle) -> None:
    fp32, int8 = measured(bundle, answer()).results
    assert (fp32.precision, int8.precision) == (Precision.FP32, Precision.INT8)
    assert int8.latency_ms is not None
    assert (int8.latency_ms.p50, int8.latency_ms.min) == (1.5, 1.0)
    assert int8.latency_ms.p90 == 2.7  # of 1, 1, 2, 3: a tenth before the end of three intervals
    assert int8.images_per_second == 666.67
    assert int8.runs == 4
    assert int8.load_ms == 12.346
    assert (int8.peak_rss_bytes, int8.model_rss_bytes) == (64 << 20, 4 << 20)
    assert int8.golden is not None
    assert int8.golden.sqnr_db == 50


def test_logits_that_are_the_same_have_no_ratio(bundle: Bundle) -> None:
    golden = {"images": 2, "same_top1": 2, "signal": 100.0, "noise": 0.0, "std": 1.0}
    found = measured(bundle, answer(entry("fp32.onnx", golden=golden), BOTH[1])).results[0].golden
    assert found is not None
    assert found.sqnr_db is None


def test_the_speed_up_is_the_median_over_turns_with_quartiles(bundle: Bundle) -> None:
    """Five turns with the ratios 1 to 5: the board was busy in some, and both files alike felt it."""
    slow = [[ratio * busy] * 3 for ratio, busy in zip((5, 1, 4, 2, 3), (1, 10, 1, 2, 1), strict=True)]
    fast = [[float(busy)] * 3 for busy in (1, 10, 1, 2, 1)]
    (speedup,) = measured(bundle, answer(entry("fp32.onnx", rounds=slow), entry("int8.onnx", rounds=fast))).speedups
    assert (speedup.p25, speedup.median, speedup.p75) == (2, 3, 4)


def test_without_one_of_the_files_there_is_no_speed_up(bundle: Bundle) -> None:
    failed = entry("fp32.onnx", error={"kind": "golden", "message": "wrong"}, rounds=[])
    assert measured(bundle, answer(failed, BOTH[1])).speedups == ()


@pytest.mark.parametrize(("limit", "passed"), [(1.6, True), (1.5, True), (1.4, False), (0.0, False)])
def test_the_gate_is_on_the_fastest_int8_median(bundle: Bundle, limit: float, passed: bool) -> None:
    plan = dataclasses.replace(QUICK, max_latency_ms=limit)
    assert measured(bundle, answer(), plan).gate == LatencyGate(max_latency_ms=limit, passed=passed)


def test_the_gate_fails_without_any_int8_time(bundle: Bundle) -> None:
    plan = dataclasses.replace(QUICK, max_latency_ms=1e6)
    failed = entry("int8.onnx", error={"message": "its process died"})
    assert measured(bundle, answer(BOTH[0], failed), plan).gate.passed is False


def test_a_long_curve_is_thinned_out_and_keeps_its_ends(bundle: Bundle) -> None:
    points = [
        {"seconds": float(second), "p50_ms": 1.0 if second <= 50 else 2.0, "state": {}} for second in range(1, 101)
    ]
    run = {"file": "int8.onnx", "threads": 1, "points": points}
    found = measured(bundle, answer(sustained=run)).sustained
    assert found is not None
    assert found.slowdown == 2
    assert len(found.points) <= 31
    assert (found.points[0].seconds, found.points[-1].seconds) == (1, 100)


# --- what no board measures ------------------------------------------------------------------------------------------

HUGE = 10**400
"""JSON has such numbers, and Python reads them."""
NO_NUMBERS: tuple[Any, ...] = (None, "1", True, [1], math.nan, math.inf, -1, HUGE, -HUGE)
POINT = {"seconds": 1.0, "p50_ms": 2.0, "state": {}}
CURVE = {"file": "int8.onnx", "threads": 1, "points": [POINT]}
FIRST, SECOND = ("entries", 0), ("entries", 1)
NO_ROUNDS: list[Any] = [
    None, 3, "123", {}, [], [[]], [[1.0], []], [1.0, 2.0], [[[1.0]], [[1.0]]], [["a"], ["b"]], [[None], [1.0]],
    [[math.nan], [1.0]], [[math.inf], [1.0]], [[-1.0], [1.0]], [[0.0], [1.0]], [[HUGE], [1.0]], [[1e300], [1.0]],
    [[1e-300], [1.0]], [{"a": 1}, [1.0]], [[1.0]],
]  # fmt: skip
"""The last is short of one, which fp32 has."""
DAMAGED: list[tuple[str, tuple[str | int, ...], Any]] = [
    *(("entries", ("entries",), value) for value in (None, "text", {"0": 1}, 7, [*BOTH, None])),
    *(("int8.onnx", (*SECOND, "file"), value) for value in (None, ["int8.onnx"], "fp32.onnx")),
    *(("int8.onnx", (*SECOND, "threads"), value) for value in (None, {"1": 1}, 2)),
    *(("rounds", (*SECOND, "rounds"), value) for value in NO_ROUNDS),
    *(
        (key, (*FIRST, key), value)
        for key in ("load_ms", "first_ms", "peak_bytes", "imported_bytes")
        for value in NO_NUMBERS
    ),
    *(("golden", (*FIRST, "golden"), value) for value in (None, [1], 1, "golden")),
    *(
        (key, (*FIRST, "golden", key), value)
        for key in ("images", "same_top1", "signal", "noise")
        for value in NO_NUMBERS
    ),
    *(
        (key, ("sustained",), CURVE | {"points": [POINT | {key: value}]})
        for key in ("seconds", "p50_ms")
        for value in NO_NUMBERS
    ),
    ("p50_ms", ("sustained",), CURVE | {"points": [POINT | {"p50_ms": 0}]}),
    ("threads", ("sustained",), CURVE | {"threads": None}),
]


def answer_with(path: tuple[str | int, ...], value: Any) -> dict[str, Any]:
    """A healthy answer but for one value."""
    document = copy.deepcopy(answer())
    part: Any = document
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return document


@pytest.mark.parametrize(("what", "path", "value"), DAMAGED)
def test_an_answer_that_is_no_measurement_is_an_error(
    bundle: Bundle, what: str, path: tuple[str | int, ...], value: Any
) -> None:
    complaint = rf"board: the board's answer is not a measurement \('{what}' is missing or wrong\)"
    with pytest.raises(BoardError, match=complaint):
        measured(bundle, answer_with(path, value))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("entries",), [*BOTH, {"file": [], "threads": {}}]),
        (("before",), None),
        (("after",), "hot"),
        (("before",), {"khz": {"0": HUGE}, "temperatures_mc": {"\x1b[2J": HUGE}}),
        (("sustained",), "long"),
        (("sustained",), {"points": []}),
        (("sustained",), {"points": [1, None]}),
        ((*FIRST, "golden"), {"images": 2, "same_top1": 2, "signal": 1e-300, "noise": 1e15}),
        ((*FIRST, "golden"), {"images": 2, "same_top1": 2, "signal": 0, "noise": 0}),
        ((*FIRST, "package"), ["\x1b[2J"]),
        ((*FIRST, "peak_bytes"), 0),
    ],
)
def test_what_does_not_matter_does_no_harm(bundle: Bundle, path: tuple[str | int, ...], value: Any) -> None:
    assert measured(bundle, answer_with(path, value)).results[1].runs == 4


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ({"message": "\x1b[2Jno\nway"}, "[2Jno way"),
        ("text", "text"),
        ({}, "it does not say why"),
        ("", "it does not say why"),
        (0, "it does not say why"),
        ({"message": "\x1b"}, "it does not say why"),
    ],
)
def test_a_row_without_times_has_a_reason(bundle: Bundle, error: Any, reason: str) -> None:
    found = measured(bundle, answer(BOTH[0], entry("int8.onnx", error=error)))
    assert found.results[1].error == reason
    assert found.results[1].latency_ms is None
    assert found.speedups == ()


# --- the agent's part ------------------------------------------------------------------------------------------------


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
JOB: dict[str, Any] = {
    "files": [
        {"file": "a", "runtime": "onnxruntime", "int8": False},
        {"file": "b", "runtime": "onnxruntime", "int8": True},
    ],
    "threads": [1], "rounds": 3, "runs": 1, "warm_up": 0, "shape": [1, 3, 4, 4], "golden": "golden.npz",
    "least_sqnr_db": {"a": 60.0, "b": 20.0}, "sustained_s": 0,
}  # fmt: skip


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
    assert first["error"] == {"kind": "died", "message": "its process died"}
    assert second["error"] is None
    assert len(second["rounds"]) == 3
    assert [each.asked[-1] for each in lanes] == ["close"] * 2


def test_a_connection_that_is_lost_while_it_times_leaves_nothing(
    bundle: Bundle, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook_agent(monkeypatch, SECOND_TURN.format("time.sleep(3600)"))

    class LostError(Exception):
        pass

    def lose(what: str, _done: int, _total: int | None) -> None:
        if what.startswith("time"):
            assert len(place.processes()) == 3
            raise LostError

    with pytest.raises(LostError):
        measure(bundle, LocalTransport(), QUICK, lose)
    assert place.processes() == []
    assert place.files() == []


def test_a_stand_in_hears_the_job_that_an_agent_gets(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs: list[dict[str, Any]] = []
    original = Session.ask

    def ask(self: Session, do: str, **arguments: Any) -> dict[str, Any]:
        jobs.extend([arguments["job"]] if do == "bench" else [])
        return original(self, do, **arguments)

    monkeypatch.setattr(Session, "ask", ask)
    measured(bundle, answer(), Plan(runs=21, threads=(1,), warm_up=2, sustained_s=3))
    (job,) = jobs
    assert set(job) == set(JOB)
    assert (job["rounds"], job["runs"], job["warm_up"], job["sustained_s"]) == (20, 2, 2, 3)
    assert job["files"] == [
        {"file": "fp32.onnx", "runtime": "onnxruntime", "int8": False},
        {"file": "int8.onnx", "runtime": "onnxruntime", "int8": True},
    ]
