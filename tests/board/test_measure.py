"""Measuring: on this computer, and on boards that lack something."""

import dataclasses
import io
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from levit_edge.benchmark.measurement import LatencyGate
from levit_edge.board.measure import BenchmarkSettings, measure
from levit_edge.board.session import Session
from levit_edge.board.transports.local import LocalTransport
from levit_edge.bundle.kinds import Runtime
from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.writer import new_bundle
from levit_edge.errors import BoardError, BundleError
from tests.board.conftest import Place, hook_agent
from tests.board.measuring import BOTH, JOB, QUICK, answer, entry, measured
from tests.board.stand_in import HELLO, answering
from tests.conftest import colour_classifier


def test_every_file_is_checked_and_timed(bundle: Bundle, place: Place) -> None:
    told: list[str] = []
    settings = BenchmarkSettings(runs=5, threads=(1, 2))
    found = measure(bundle, LocalTransport(), settings, lambda what, _done, _total: told.append(what))
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


def test_a_file_is_read_when_it_is_sent(bundle: Bundle, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """All at once are half a gigabyte of a large network, beside the processes that measure."""
    steps: list[str] = []
    read, put = Bundle.read, Session.put

    def reading(self: Bundle, name: str) -> bytes:
        steps.append(f"read {name}")
        return read(self, name)

    def putting(self: Session, name: str, data: bytes) -> None:
        steps.append(f"put {name}")
        put(self, name, data)

    monkeypatch.setattr(Bundle, "read", reading)
    monkeypatch.setattr(Session, "put", putting)
    measure(bundle, LocalTransport(), QUICK)
    for name in ("fp32.onnx", "int8.onnx"):
        assert steps[steps.index(f"put {name}") - 1] == f"read {name}"
    assert place.files() == []


def test_a_damaged_file_is_refused(bundle: Bundle, place: Place, tmp_path: Path) -> None:
    damaged = Bundle.open(shutil.copytree(bundle.path, tmp_path / "damaged"))
    (damaged.path / "int8.onnx").write_bytes(b"another")
    with pytest.raises(BundleError, match=r"int8\.onnx"):
        measure(damaged, LocalTransport(), QUICK)
    assert place.files() == []


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
    fp32, int8 = measure(bundle, LocalTransport(), BenchmarkSettings(runs=100, threads=(1,))).results
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
    with new_bundle(path) as writer:
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
         r" images with the same top-1, and logits that differ by more than 20\.0 dB"),
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
                "/usr/bin/python3 (Python 3.11) has no executorch: `pip install executorch torch` there, or --setup",
            )
            for name in ("fp32", "int8")
        ),
    ]


def test_a_runtime_that_is_asked_for_and_missing_is_an_error(both_runtimes: Bundle) -> None:
    settings = dataclasses.replace(QUICK, runtimes=(Runtime.EXECUTORCH, Runtime.ONNXRUNTIME))
    with pytest.raises(BoardError, match=r"board: /usr/bin/python3 \(Python 3\.11\) has no executorch\. Install it"):
        measured(both_runtimes, answer(), settings)


def test_only_the_runtimes_asked_for_are_measured(both_runtimes: Bundle) -> None:
    settings = dataclasses.replace(QUICK, runtimes=(Runtime.ONNXRUNTIME,))
    assert [each.artifact for each in measured(both_runtimes, answer(), settings).results] == ["fp32.onnx", "int8.onnx"]


@pytest.mark.parametrize(("cores", "threads"), [(1, [1]), (2, [1, 2]), (4, [1, 4]), (64, [1, 4])])
def test_the_default_is_one_thread_and_as_many_as_cores_but_at_most_four(
    bundle: Bundle, cores: int, threads: list[int]
) -> None:
    hello = HELLO | {"facts": HELLO["facts"] | {"usable_cores": cores}}
    entries = [each | {"threads": count} for each in BOTH for count in threads]
    found = measure(bundle, answering(hello=hello, bench=answer(*entries)), BenchmarkSettings(runs=4))
    assert sorted({each.threads for each in found.results}) == threads


def test_an_emulated_processor_that_is_known_beforehand_is_named(bundle: Bundle) -> None:
    board = answering(hello=HELLO, bench=answer())
    assert measure(bundle, board, QUICK).device.emulator is None
    board.emulator = "qemu-user"
    assert str(measure(bundle, board, QUICK).device.emulator).startswith("qemu-user")


@pytest.mark.parametrize(("limit", "passed"), [(1.6, True), (1.5, True), (1.4, False), (0.0, False)])
def test_the_gate_is_on_the_fastest_int8_median(bundle: Bundle, limit: float, passed: bool) -> None:
    settings = dataclasses.replace(QUICK, max_latency_ms=limit)
    assert measured(bundle, answer(), settings).gate == LatencyGate(max_latency_ms=limit, passed=passed)


def test_the_gate_fails_without_any_int8_time(bundle: Bundle) -> None:
    settings = dataclasses.replace(QUICK, max_latency_ms=1e6)
    failed = entry("int8.onnx", error={"message": "its process died"})
    assert measured(bundle, answer(BOTH[0], failed), settings).gate.passed is False


def test_a_stand_in_hears_the_job_that_an_agent_gets(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs: list[dict[str, Any]] = []
    original = Session.ask

    def ask(self: Session, do: str, **arguments: Any) -> dict[str, Any]:
        jobs.extend([arguments["job"]] if do == "bench" else [])
        return original(self, do, **arguments)

    monkeypatch.setattr(Session, "ask", ask)
    measured(bundle, answer(), BenchmarkSettings(runs=21, threads=(1,), warm_up=2, sustained_s=3))
    (job,) = jobs
    assert set(job) == set(JOB)
    assert (job["rounds"], job["runs"], job["warm_up"], job["sustained_s"]) == (20, 2, 2, 3)
    assert job["files"] == [
        {"file": "fp32.onnx", "runtime": "onnxruntime", "int8": False},
        {"file": "int8.onnx", "runtime": "onnxruntime", "int8": True},
    ]
