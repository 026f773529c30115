"""Where the time goes on a board: real onnxruntime, here and behind a stand-in for ssh, and boards that err."""

import dataclasses
import sys
from pathlib import Path
from typing import Any

import pytest

from levit_edge.benchmark.profile import Profile
from levit_edge.board.measure import measure
from levit_edge.board.transports.local import LocalTransport
from levit_edge.board.transports.ssh import SshTransport
from levit_edge.bundle.kinds import Runtime
from levit_edge.bundle.reader import Bundle
from levit_edge.errors import BoardError, BundleError
from tests.board.conftest import Place, hook_agent
from tests.board.measuring import BOTH, QUICK, answer, entry, measured
from tests.board.stand_in import HELLO, answering
from tests.board.transports.test_ssh import PASSING, programs, put_ssh

__all__ = ["programs"]

PROFILED = dataclasses.replace(QUICK, profile=True)
SENT: dict[str, Any] = {
    "plain_ms": [2.0, 2.0, 8.0, 9.0],
    "profiled_ms": [3.0, 3.0, 3.0, 50.0],
    "cost_us": 2.5,
    "nodes": [["a", "Conv", 1500.0], ["b", "Add", 300.0], ["c", "Add", 100.0]],
}


def profiled(bundle: Bundle, sent: Any) -> tuple[Profile, ...]:
    """What is made of a board that sends a healthy profile of fp32.onnx and `sent` of int8.onnx."""
    entries = entry("fp32.onnx", profile=SENT), entry("int8.onnx", profile=sent)
    return measured(bundle, answer(*entries), PROFILED).profiles


def check(profiles: tuple[Profile, ...]) -> None:
    assert [(each.artifact, each.threads, each.error) for each in profiles] == [
        ("fp32.onnx", 1, ""),
        ("int8.onnx", 1, ""),
    ]
    for each in profiles:
        assert each.runs == 4
        assert each.run_ms
        assert {"Flatten", "GlobalAveragePool"} <= {part.operator for part in each.parts}
        assert {part.block for part in each.parts} == {""}  # it is no LeViT
        assert each.overhead is not None
        assert each.total_ms == pytest.approx(each.run_ms * (1 + each.overhead), rel=0.01)


def test_this_computer(bundle: Bundle, place: Place) -> None:
    found = measure(bundle, LocalTransport(), PROFILED)
    check(found.profiles)
    assert all(each.latency_ms for each in found.results)
    assert place.files() == []


def test_over_ssh(bundle: Bundle, place: Place, programs: Path, tmp_path: Path) -> None:
    put_ssh(programs, PASSING.format(log=tmp_path / "log"))
    check(measure(bundle, SshTransport("ssh://pi", python=sys.executable), PROFILED).profiles)
    assert place.files() == []


def test_nobody_asked(bundle: Bundle) -> None:
    assert measured(bundle, answer()).profiles == ()


def test_a_profile_that_fails_leaves_the_times(bundle: Bundle, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    hook_agent(monkeypatch, "import levit_edge.device.profile\nlevit_edge.device.profile._read = lambda *_: []\n")
    found = measure(bundle, LocalTransport(), PROFILED)
    assert [each.runs for each in found.results] == [4, 4]
    assert [each.error for each in found.profiles] == [
        "onnxruntime's profile has not the same operators in every run"
    ] * 2
    assert place.files() == []  # the agent's folder goes with what it was left with


def test_figures_are_of_the_runs_that_nothing_disturbed(bundle: Bundle) -> None:
    (profile, _) = profiled(bundle, SENT)
    assert (profile.runs, profile.run_ms, profile.slowdown, profile.cost_us) == (4, 2.0, 0.5, 2.5)
    assert [(each.operator, each.count, each.ms) for each in profile.parts] == [("Conv", 1, 1.5), ("Add", 2, 0.4)]
    assert profile.overhead == -0.05
    assert profile.holds


def test_programs_are_told_why_they_have_none(both_runtimes: Bundle) -> None:
    files = ("fp32.onnx", "int8.onnx")
    entries = [*(entry(name, profile=SENT) for name in files), entry("fp32.pte"), entry("int8.pte")]
    hello = HELLO | {"packages": HELLO["packages"] | {"executorch-numpy-runtime": "1.4.0"}}
    found = {each.artifact: each for each in measured(both_runtimes, answer(*entries), PROFILED, hello).profiles}
    assert found["int8.pte"].error.startswith("ExecuTorch's Python packages are built without its event tracer")
    assert found["int8.pte"].parts == ()
    assert found["int8.onnx"].parts


@pytest.mark.parametrize(
    "changes",
    [
        {"nodes": None}, {"nodes": []}, {"nodes": [["a", "Add"]]}, {"nodes": [["a", "Add", -1.0]]},
        {"nodes": [["a", "Add", "1"]]}, {"nodes": [["a", "", 1.0]]},
        {"nodes": [["a", "Add", 1.0], "b"]},
        {"plain_ms": []}, {"plain_ms": [1.0, 0.0, 1.0, 1.0]}, {"profiled_ms": [1.0]}, {"cost_us": None},
        {"cost_us": float("nan")},
    ],
)  # fmt: skip
def test_what_is_no_profile_is_an_error(bundle: Bundle, changes: dict[str, Any]) -> None:
    with pytest.raises(BoardError, match="the board's answer is not a measurement \\('profile' is missing or wrong"):
        profiled(bundle, SENT | changes)


@pytest.mark.parametrize("sent", [None, 1, "profile", [1]])
def test_neither_is_anything_else(bundle: Bundle, sent: Any) -> None:
    with pytest.raises(BoardError, match="'profile' is missing or wrong"):
        profiled(bundle, sent)


def test_it_is_refused_where_it_says_nothing(bundle: Bundle, both_runtimes: Bundle) -> None:
    emulated = answering(hello=HELLO, bench=answer())
    emulated.emulator = "qemu-user"
    with pytest.raises(BoardError, match=r"this is emulated .* a profile needs a board. Leave --profile out"):
        measure(bundle, emulated, PROFILED)
    with pytest.raises(BundleError, match=r"--profile is for ONNX files, .* none is to be measured.*event tracer"):
        measure(both_runtimes, answering(), dataclasses.replace(PROFILED, runtimes=(Runtime.EXECUTORCH,)))
    without = HELLO | {"packages": {"numpy": "2.3.0", "executorch-numpy-runtime": "1.4.0"}}
    with pytest.raises(BoardError, match=r"--profile needs onnxruntime: .* has no onnxruntime: `pip install"):
        measure(both_runtimes, answering(hello=without, bench=answer(*BOTH)), PROFILED)
