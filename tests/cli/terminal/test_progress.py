"""How the progress of boards looks on a terminal and elsewhere."""

import io

import pytest
from rich.console import Console

from levit_edge.cli.terminal import progress
from levit_edge.cli.terminal.progress import board_progress, progress_bars


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
