"""What the terminal shows of work that goes on: items, rate and time left, on stderr.

Bars need a terminal that can move its cursor. Elsewhere (a pipe, a log, `TERM=dumb`) each stage is one line when it
begins, and with `--json` there is nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

from levit_edge.cli.terminal.console import say, stderr

if TYPE_CHECKING:
    from levit_edge.board.session import Progress as BoardProgress
    from levit_edge.system.progress import Advance

__all__ = ["TerminalListener", "board_progress", "progress_bars"]

LONGEST_BAR = 20
REST_COLUMNS = 60
"""Columns of a line beside its bar: a name of 24, a count, a rate and a time."""


class CountColumn(ProgressColumn):
    """Items done, of how many, where they are counted."""

    def render(self, task: Task) -> Text:
        """Such as `12/60`; large numbers, which are bytes, as `1.0M/28.4M`."""
        if task.total in {None, 1}:
            return Text("")
        return Text(f"{_compact(task.completed)}/{_compact(task.total or 0)}", style="progress.download")


class RateColumn(ProgressColumn):
    """Items per second, where items are counted."""

    def render(self, task: Task) -> Text:
        """The rate of the last half minute, and of the whole when it is done."""
        speed = task.finished_speed or task.speed
        if not task.total or speed is None:
            return Text("")
        return Text(f"{speed:.1f}/s" if speed < 100 else f"{_compact(speed)}/s", style="progress.data.speed")


class TimeColumn(TimeRemainingColumn):
    """The time left; the time it took, where that is not known or the work is done."""

    def render(self, task: Task) -> Text:
        """Such as `0:12 left`."""
        if task.total is None or task.finished or task.time_remaining is None:
            return TimeElapsedColumn().render(task)
        return super().render(task) + Text(" left", style="progress.remaining")


def _compact(value: float) -> str:
    return f"{value / 1e6:.1f}M" if value >= 1e5 else f"{value:.0f}"


def progress_bars(*, transient: bool = False, quiet: bool = False) -> Progress:
    """Bars for tasks, each one line of the terminal: what is done, of how much, how fast, and how long it will take.

    With `quiet`, and where stderr is no terminal that can be drawn on, they are disabled; FORCE_COLOR makes none of a
    pipe.
    """
    return Progress(
        SpinnerColumn("line" if stderr.options.ascii_only else "dots"),
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)),
        BarColumn(bar_width=max(4, min(LONGEST_BAR, stderr.width - REST_COLUMNS))),
        CountColumn(table_column=Column(no_wrap=True, justify="right", min_width=9)),
        RateColumn(table_column=Column(no_wrap=True, justify="right", min_width=7)),
        TimeColumn(compact=True, table_column=Column(no_wrap=True, justify="right", min_width=10)),
        console=stderr,
        transient=transient,
        disable=quiet or not (stderr.is_interactive and stderr.file.isatty()),
        expand=True,
    )


def board_progress(bars: Progress, board: str = "") -> "BoardProgress":
    """What a board's connection calls: a bar for its step, or a line for each new one where bars are disabled.

    The name of the `board` stands before its steps, if there is one.
    """
    shown = f"{board}: " if board else ""
    task, last = bars.add_task(shown + "connect", total=None), "connect"

    def report(what: str, done: int, total: int | None) -> None:
        nonlocal task, last
        if what != last:  # a step has its own rate and time
            bars.remove_task(task)
            task, last = bars.add_task(shown + what, total=total), what
            if bars.disable:
                say(f"{shown}{what} …", to=stderr)
        bars.update(task, completed=done, total=total)

    return report


class TerminalListener:
    """Shows stages: a bar on a terminal, elsewhere a line when each one begins."""

    @contextmanager
    def stage(self, name: str, total: int | None) -> "Iterator[Advance]":
        """Show the stage while the body runs."""
        with progress_bars() as bars:
            if bars.disable:
                say(f"{name} …", to=stderr, wrap=True)
            task = bars.add_task(name, total=total)
            yield lambda count: bars.advance(task, count)
            if total is None:
                bars.update(task, total=1, completed=1)
