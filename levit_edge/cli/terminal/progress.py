"""What the terminal shows of work that goes on: items, rate and time left, on stderr.

Bars need a terminal that can move its cursor. Elsewhere (a pipe, a log, `TERM=dumb`) there is a line every ten seconds,
and one when a stage is done; with `--json` there is nothing.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING

from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

from levit_edge.cli.terminal.console import can_draw, say, stderr
from levit_edge.cli.terminal.heartbeat import SECONDS_BETWEEN_LINES, every

if TYPE_CHECKING:
    from levit_edge.board.session import Progress as BoardProgress
    from levit_edge.system.progress import Advance

__all__ = ["TerminalListener", "board_progress", "described", "progress_bars", "task_of"]

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
        return Text(_rate(speed), style="progress.data.speed")


class TimeColumn(TimeRemainingColumn):
    """The time left; the time it took, where that is not known or the work is done."""

    def render(self, task: Task) -> Text:
        """Such as `0:12 left`."""
        if task.total is None or task.finished or task.time_remaining is None:
            return TimeElapsedColumn().render(task)
        return super().render(task) + Text(" left", style="progress.remaining")


def _compact(value: float) -> str:
    return f"{value / 1e6:.1f}M" if value >= 1e5 else f"{value:.0f}"


def _rate(speed: float) -> str:
    return f"{speed:.1f}/s" if speed < 100 else f"{_compact(speed)}/s"


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
        disable=quiet or not can_draw(stderr),
        expand=True,
    )


def board_progress(bars: Progress, board: str = "") -> "BoardProgress":
    """What a board's connection calls: a bar for its step, or a line for each new one where bars are disabled.

    The name of the `board` stands before its steps, if there is one.
    """
    shown = f"{board}: " if board else ""
    task, last, said = bars.add_task(shown + "connect", total=None), "connect", time.monotonic()

    def report(what: str, done: int, total: int | None) -> None:
        nonlocal task, last, said
        if what != last:  # a step has its own rate and time
            bars.remove_task(task)
            task, last, said = bars.add_task(shown + what, total=total), what, time.monotonic()
            if bars.disable:
                say(f"{shown}{what} …", to=stderr)
        bars.update(task, completed=done, total=total)
        if bars.disable and time.monotonic() >= said + SECONDS_BETWEEN_LINES:
            said = time.monotonic()
            say(described(task_of(bars, task)), to=stderr)

    return report


class TerminalListener:
    """Shows stages: a bar on a terminal, elsewhere a line every ten seconds and one at the end of each.

    With `brief`, what is done leaves nothing behind, as whoever runs the stage says what it came to.
    """

    def __init__(self, *, brief: bool = False) -> None:
        self._brief = brief

    @contextmanager
    def stage(self, name: str, total: int | None) -> "Iterator[Advance]":
        """Show the stage while the body runs."""
        with progress_bars(transient=self._brief) as bars:
            task = bars.add_task(name, total=total)
            lines = every(SECONDS_BETWEEN_LINES, lambda: say(described(task_of(bars, task)), to=stderr))
            with lines if bars.disable else nullcontext():
                yield lambda count: bars.advance(task, count)
            if bars.disable and not self._brief:
                say(_ended(task_of(bars, task)), to=stderr)
            if total is None:
                bars.update(task, total=1, completed=1)


def task_of(bars: Progress, number: TaskID) -> Task:
    """One of the tasks of `bars`."""
    return next(task for task in bars.tasks if task.id == number)


def described(task: Task) -> str:
    """A task, such as `evaluate 12/60, 0.5/s, 0:01:36 left`; `export, 0:00:20` if nothing is counted."""
    count, elapsed = CountColumn().render(task).plain, timedelta(seconds=round(task.elapsed or 0))
    parts = [f"{task.description} {count}".rstrip()]
    if task.total is None:
        parts.append(str(elapsed))
    elif not task.finished and task.speed and task.time_remaining is not None:
        parts += [RateColumn().render(task).plain, f"{timedelta(seconds=task.time_remaining)} left"]
    return ", ".join(parts)


def _ended(task: Task) -> str:
    """Such as `verify 120/120 in 12.3 s, 9.8/s`."""
    seconds, count = task.elapsed or 0.0, CountColumn().render(task).plain
    rate = f", {_rate(task.completed / seconds)}" if count and seconds else ""
    return f"{task.description} {count}".rstrip() + f" in {seconds:.1f} s{rate}"
