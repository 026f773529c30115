"""A run that is ended leaves no bundle and no half of one; the next goes on, and makes the same."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from levit_edge import demo
from levit_edge.bundle.reader import Bundle
from levit_edge.cli.main import run
from levit_edge.errors import ExitStatus
from levit_edge.report.report_data import read_report_data
from tests.faults.tiny_levit import SMALL, write_checkpoint
from tests.integration.conftest import hidden, levit_edge

pytestmark = pytest.mark.export
STEPS = (
    ("calibrate", signal.SIGHUP, ExitStatus.HUNG_UP),
    ("export fp32.pte", signal.SIGINT, ExitStatus.INTERRUPTED),
    ("export int8.onnx", signal.SIGKILL, -signal.SIGKILL),
    ("verify", signal.SIGTERM, ExitStatus.TERMINATED),
)
"""The stage, the signal at its beginning, and the exit status."""
TALKATIVE = """
import sys
from levit_edge.cli.terminal import progress
progress.SECONDS_BETWEEN_LINES = 0.05
from levit_edge.cli.main import main
main(sys.argv[1:])
"""
"""The command, which tells of each stage soon after its beginning."""
IMAGES = ("--calibration", str(demo.calibration_dir()), "--evaluation", str(demo.evaluation_dir()))
FEW = ("--calibration-images", "16", "--limit", "20", "--no-bench")
KEPT = ("calibration", "fp32.pte", "fp32.onnx", "int8.pte", "int8.onnx", "int8-f16.pte")


def ended(arguments: Sequence[str], stage: str, number: signal.Signals) -> tuple[int, list[str]]:
    """The exit status and the messages of a run that gets a signal at the beginning of a stage."""
    command = [sys.executable, "-c", TALKATIVE, *arguments]
    seen = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | {"NO_COLOR": "1"}) as process:
        assert process.stderr is not None
        for line in process.stderr:
            seen.append(line)
            if line.startswith(stage):
                process.send_signal(number)
                break
        seen += process.stderr.readlines()
    return process.returncode, seen


def test_a_run_that_is_ended_again_and_again_makes_the_same_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network is a small one; stages, processes and files are those of a large one."""
    quantize = ["quantize", "--checkpoint", str(write_checkpoint(tmp_path / "small.pth", config=SMALL)), *IMAGES, *FEW]
    expected_bundle, output, folder = tmp_path / "uninterrupted" / "small", tmp_path / "out" / "small", tmp_path / "out"
    assert run([*quantize, "--output", str(expected_bundle)]) == ExitStatus.DONE
    monkeypatch.setenv("LEVIT_EDGE_CACHE", str(tmp_path / "cache"))
    arguments = [*quantize, "--output", str(output)]
    for stage, number, expected in STEPS:
        status, seen = ended(arguments, stage, number)
        assert status == expected, "".join(seen)
        assert not any("Traceback" in line for line in seen)
        assert not output.exists()
        if number != signal.SIGKILL:
            assert seen[-1] == "error: interrupted; no output was left unfinished.\n"
            assert not folder.exists() or list(folder.iterdir()) == []  # the killed run has made it
    last = levit_edge(*arguments)
    assert last.returncode == 0, last.stderr
    for name in KEPT:
        assert f"{name} taken from the interrupted run of " in last.stderr
    assert "calibrate" not in last.stderr
    assert "export fp32" not in last.stderr
    assert "export int8" not in last.stderr
    assert hidden(folder) == []
    assert list((tmp_path / "cache" / "unfinished").iterdir()) == []
    made, uninterrupted = Bundle.open(output), Bundle.open(expected_bundle)
    for file in uninterrupted.manifest.files:
        if file not in {"report.html", "evidence.json"}:  # which say when it was made, and how fast it was
            assert made.read(file) == uninterrupted.read(file), file
    report_data, expected_report_data = read_report_data(made), read_report_data(uninterrupted)
    assert report_data is not None
    assert expected_report_data is not None
    assert replace(report_data, latency=None) == replace(expected_report_data, latency=None)
