"""How progress looks on a terminal and elsewhere."""

import io
import re
import threading

import pytest
from rich.console import Console

from levit_edge.cli.terminal import progress
from levit_edge.cli.terminal.heartbeat import every
from levit_edge.cli.terminal.progress import TerminalListener, board_progress, progress_bars


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_off_a_terminal_each_step_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(progress, "stderr", Console(file=stream, width=80))
    with progress_bars(transient=True) as bars:
        first, second = board_progress(bars, "ssh://a"), board_progress(bars, "ssh://b")
        for done in range(3):
            first("send [bold]x", done, 3)
            second("time 1 thread", done, None)
        first("time 1 thread", 0, None)
    assert stream.getvalue().splitlines() == [
        "ssh://a: send [bold]x …",
        "ssh://b: time 1 thread …",
        "ssh://a: time 1 thread …",
    ]


def test_on_a_terminal_boards_have_a_line_each_and_the_end_leaves_none(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(progress, "stderr", Console(file=stream, width=80, force_terminal=True))
    with progress_bars(transient=True) as bars:
        board_progress(bars, "ssh://a")("time 1 thread", 3, 20)
        board_progress(bars)("send x", 1, None)
    assert "ssh://a: time 1 thread" in stream.getvalue()
    assert "3/20" in stream.getvalue()
    assert stream.getvalue().endswith("\x1b[2K")  # the last line is erased


def test_quiet_bars_draw_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(progress, "stderr", Console(file=stream, width=80, force_terminal=True))
    with progress_bars(quiet=True) as bars:
        bars.advance(bars.add_task("evaluate", total=2))
    assert stream.getvalue() == ""


def stage_off_a_terminal(
    monkeypatch: pytest.MonkeyPatch, name: str, total: int | None, *, lines: int, brief: bool = False
) -> list[str]:
    """What is written of a stage that has done two and ends when so many lines are there, or at once."""
    stream, said = io.StringIO(), threading.Event()

    def say(line: object, **_: object) -> None:
        stream.write(f"{line}\n")
        if stream.getvalue().count("\n") >= lines:
            said.set()

    monkeypatch.setattr(progress, "stderr", Console(file=stream, width=80))
    monkeypatch.setattr(progress, "say", say)
    if lines:
        monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.01)
    with TerminalListener(brief=brief).stage(name, total) as advance:
        advance(1)
        advance(1)
        assert not lines or said.wait(30)
    return stream.getvalue().splitlines()


def test_off_a_terminal_a_stage_tells_count_rate_and_time_left_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    *between, last = stage_off_a_terminal(monkeypatch, "verify [x]", 1000, lines=2)
    assert all(re.fullmatch(r"verify \[x\] 2/1000, [\d.]+M?/s, 0:\d\d:\d\d left", line) for line in between[:2]), (
        between
    )
    assert re.fullmatch(r"verify \[x\] 2/1000 in [\d.]+ s, [\d.]+/s", last)


def test_off_a_terminal_what_is_not_counted_tells_how_long_it_has_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    first, *_, last = stage_off_a_terminal(monkeypatch, "export", None, lines=1)
    assert re.fullmatch(r"export, 0:00:\d\d", first)
    assert re.fullmatch(r"export in [\d.]+ s", last)


def test_a_short_stage_is_one_line_at_its_end_or_none(monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = stage_off_a_terminal(monkeypatch, "verify", 2, lines=0)
    assert re.fullmatch(r"verify 2/2 in 0\.\d s, [\d.]+M?/s", line)
    assert stage_off_a_terminal(monkeypatch, "verify", 2, lines=0, brief=True) == []


def test_nothing_is_said_any_more_when_the_body_has_ended() -> None:
    beats, beaten = [0], threading.Event()

    def beat() -> None:
        beats[0] += 1
        beaten.set()

    before = threading.active_count()
    with every(0.001, beat):
        assert beaten.wait(30)
    assert threading.active_count() == before
