"""What the terminal shows of a sweep: a bar for each kind of task, elsewhere a line now and then."""

import time
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.progress import Task

from levit_edge.cli.terminal.console import stderr
from levit_edge.cli.terminal.progress import draws_bars, progress_bars

if TYPE_CHECKING:
    from levit_edge.sweep.tasks.result import Failed

__all__ = ["SweepProgress"]

SECONDS_BETWEEN_LINES = 10.0


class SweepProgress:
    """Shows tasks done, of how many, how fast, and the time left; use it in a `with` statement.

    It is a `levit_edge.sweep.tasks.runner.Listener`. With `quiet` nothing is shown.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._quiet, self._drawn = quiet, draws_bars() and not quiet
        self._bars = progress_bars()
        self._tasks: dict[str, Task] = {}
        self._last_line = 0.0

    def __enter__(self) -> Self:
        if self._drawn:
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._drawn:
            self._bars.stop()

    def expect(self, kind: str, tasks: int) -> None:
        """So many more tasks of `kind` will come."""
        if kind in self._tasks:
            task = self._tasks[kind]
            self._bars.update(task.id, total=(task.total or 0) + tasks)
        elif tasks:
            added = self._bars.add_task(kind, total=tasks)
            self._tasks[kind] = next(task for task in self._bars.tasks if task.id == added)

    def ended(self, kind: str) -> None:
        """One has ended, well or not."""
        if kind not in self._tasks:
            self.expect(kind, 1)
        task = self._tasks[kind]
        self._bars.advance(task.id)
        if not self._drawn and not self._quiet and self._line_is_due(task):
            self._last_line = time.monotonic()
            line = "; ".join(map(_described, self._tasks.values()))
            stderr.print(line, markup=False, highlight=False, soft_wrap=True)

    def failed(self, kind: str, subject: str, failed: "Failed", *, again: bool) -> None:
        """An attempt has failed; `again` says whether there will be another."""
        if not self._quiet:
            what = "it is tried again" if again else "given up"
            where = f" on {failed.node}" if failed.node else ""
            stderr.print(
                f"{kind} {subject}{where}: {failed.reason} ({what})", markup=False, highlight=False, soft_wrap=True
            )

    def _line_is_due(self, task: Task) -> bool:
        return task.finished or time.monotonic() > self._last_line + SECONDS_BETWEEN_LINES


def _described(task: Task) -> str:
    """Such as `evaluate 12/60, 0.5/s, 1:36 left`."""
    parts = [f"{task.description} {task.completed:.0f}/{task.total:.0f}"]
    if not task.finished and task.speed and task.time_remaining is not None:
        parts += [f"{task.speed:.1f}/s", f"{timedelta(seconds=task.time_remaining)} left"]
    return ", ".join(parts)
