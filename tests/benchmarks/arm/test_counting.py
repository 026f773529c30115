"""What qemu's counter wrote, and processes that fail: a script is in qemu's place, and runs this machine's Python."""

import io
import stat
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.arm import probe
from benchmarks.arm.counting import CLONE, Count, count, emulator_for, logits_there, read_counts
from benchmarks.speed.contender import Engine
from levit_edge.board.transports.qemu import Emulator
from levit_edge.device.float16 import float16_of
from levit_edge.errors import BoardError
from tests.conftest import colour_classifier

BEFORE = "cpu 0 insns: 2600000000\ncpu 1 insns: 1000000\ntotal insns: 2601000000\n\n"
AFTER = "cpu 0 insns: 2720000000\ncpu 1 insns: 4000000\ntotal insns: 2724000000\n\n"


@pytest.fixture
def emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    monkeypatch.setenv("PYTHONPATH", str(CLONE))
    boards = tmp_path / "boards"
    plain = Emulator(cpu="cortex-a76", folder=boards)
    script = f"""#!/bin/bash
while [ "${{1##*/}}" != python3.13 ]; do case $1 in -D) log=$2 ;; esac; shift; done
shift
printf '{BEFORE}{AFTER}' > "$log"
exec {sys.executable} "$@"
"""
    for path in (plain.python, plain.counting_plugin, plain.program, plain.counting_program):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script)
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
    for folder in ("site", "peers"):
        (boards / folder).mkdir()
    return emulator_for("cortex-a76", boards)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    file = tmp_path / "images.npy"
    np.save(file, np.random.default_rng(0).normal(size=(3, 3, 32, 32)).astype(np.float32))
    return file


@pytest.fixture
def model(tmp_path: Path) -> Path:
    file = tmp_path / "model.onnx"
    file.write_bytes(colour_classifier(4 * np.eye(3)))
    return file


def test_what_came_before_the_runs_does_not_count() -> None:
    assert read_counts(io.BytesIO((BEFORE + AFTER).encode()), 3) == Count(main=40.0, elsewhere=1.0)


@pytest.mark.parametrize("log", ["", BEFORE, BEFORE + AFTER + AFTER])
def test_other_logs_are_no_counts(log: str) -> None:
    with pytest.raises(BoardError, match="expected two counts"):
        read_counts(io.BytesIO(log.encode()), 3)


def test_a_file_is_counted_and_looked_at(emulator: Emulator, model: Path, images: Path) -> None:
    assert count(emulator, Engine.ONNXRUNTIME, model, images, 3, 60) == Count(main=40.0, elsewhere=1.0)
    logits = logits_there(emulator, Engine.ONNXRUNTIME, model, images, 2, 60)
    assert logits.shape == (2, 3)
    expected = 4 * np.load(images)[:2].mean((2, 3))
    assert np.abs(logits - expected).max() < 1e-5


def test_a_file_that_does_not_run_there_is_a_reason(emulator: Emulator, tmp_path: Path, images: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a model")
    with pytest.raises(BoardError, match=r"(?i)protobuf.*\(status 1\)"):
        count(emulator, Engine.ONNXRUNTIME, broken, images, 3, 60)


def test_a_failure_without_float16_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    reasons = []
    for features in ("fphp asimdhp", "asimd"):
        here = float16_of(
            "aarch64", f"processor : 0\nCPU implementer : 0x41\nCPU part : 0xd03\nFeatures : {features}\n"
        )
        monkeypatch.setattr(probe, "float16_here", lambda here=here: here)
        reasons.append(probe._reason(RuntimeError("execute\nfailed")))
    without = "Cortex-A53 has no float16 arithmetic (no fphp, asimdhp in /proc/cpuinfo)"
    assert reasons == ["RuntimeError: execute failed", f"RuntimeError: execute failed; {without}"]


def test_what_is_missing_is_named(emulator: Emulator) -> None:
    (emulator.folder / "peers").rmdir()
    with pytest.raises(BoardError, match=r"setup\.sh .* --counting --peers"):
        emulator_for("cortex-a76", emulator.folder)
