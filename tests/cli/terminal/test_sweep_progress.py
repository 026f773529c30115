"""What a terminal and a pipe show while a sweep runs; the tasks are played."""

import re
import subprocess
import sys

import pytest

from tests.cli.pseudo_terminal import on_terminal, screen_lines

PLAY = """
import sys, time
from levit_edge.cli.terminal.progress import progress_bars
from levit_edge.cli.terminal.sweep_progress import SweepProgress
from levit_edge.sweep.tasks.result import Failed

with progress_bars() as bars:
    progress = SweepProgress(bars)
    progress.expect("index", 3)
    for _ in range(3):
        progress.ended("index")
    progress.expect("export", 0)
    progress.expect("evaluate", 20)
    progress.expect("evaluate", 20)
    failed = Failed(reason="not enough memory", node="10.0.0.7")
    progress.failed("evaluate", "levit [bold] on val-01.tar", failed, again=True)
    for _ in range(30):
        time.sleep(0.02)
        progress.ended("evaluate")
    if "--end" in sys.argv:
        for _ in range(10):
            progress.ended("evaluate")
"""
FAILURE = "evaluate levit [bold] on val-01.tar on 10.0.0.7: not enough memory (it is tried again)"
BAR = r"[━╸╺ ]+"


def piped(*arguments: str) -> str:
    result = subprocess.run([sys.executable, "-c", PLAY, *arguments], capture_output=True, text=True, check=True)
    assert result.stdout == ""
    return result.stderr


@pytest.mark.parametrize("columns", [60, 80])
def test_a_terminal_has_a_bar_for_each_kind(columns: int) -> None:
    status, raw = on_terminal(program=("-c", PLAY), columns=columns)
    lines = screen_lines(raw)
    assert status == 0, raw
    assert any(re.search(rf"index +{BAR} +3/3 +[\d.]+\w?/s", line) for line in lines), lines
    assert any(re.search(rf"evaluate +{BAR} +30/40 +[\d.]+/s +\d+:\d\d left", line) for line in lines), lines
    assert not any("export" in line for line in lines)
    assert FAILURE in "".join(lines)
    bars = [line for line in lines if "/40" in line]
    assert max(map(len, bars)) <= columns


def test_a_terminal_that_cannot_draw_has_lines() -> None:
    status, raw = on_terminal(program=("-c", PLAY), environment={"TERM": "dumb"})
    assert status == 0
    assert "━" not in raw
    assert screen_lines(raw)[:2] == ["index 1/3", "index 3/3"]


def test_a_pipe_has_a_line_when_a_kind_is_done_and_every_ten_seconds() -> None:
    lines = piped("--end").splitlines()
    assert lines == ["index 1/3", "index 3/3", FAILURE, "index 3/3; evaluate 40/40"]


def test_a_line_says_how_fast_and_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    often = PLAY.replace(
        "with progress_bars",
        "from levit_edge.cli.terminal import sweep_progress as module\n"
        "module.SECONDS_BETWEEN_LINES = 0.2\nwith progress_bars",
    )
    result = subprocess.run([sys.executable, "-c", often], capture_output=True, text=True, check=True)
    last = result.stderr.splitlines()[-1]
    assert re.fullmatch(r"index 3/3; evaluate \d+/40, [\d.]+/s, 0:00:\d\d left", last), result.stderr
