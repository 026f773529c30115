"""What the terminal shows of a sweep: a bar for each kind of task, elsewhere a line now and then."""

import time

from rich.progress import Progress, Task

from levit_edge.cli.terminal.console import say, stderr
from levit_edge.cli.terminal.heartbeat import SECONDS_BETWEEN_LINES
from levit_edge.cli.terminal.progress import described, task_of
from levit_edge.sweep.tasks.result import Failed, Listener

__all__ = ["SweepProgress"]


class SweepProgress(Listener):
    """Shows tasks done, of how many, how fast, and the time left, by `bars` or, where these are disabled, by lines."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, Task] = {}
        self._last_line = 0.0

    def expect(self, kind: str, tasks: int) -> None:
        """So many more tasks of `kind` will come."""
        if kind in self._tasks:
            task = self._tasks[kind]
            self._bars.update(task.id, total=(task.total or 0) + tasks)
        elif tasks:
            added = self._bars.add_task(kind, total=tasks)
            self._tasks[kind] = task_of(self._bars, added)

    def ended(self, kind: str) -> None:
        """One has ended, well or not."""
        if kind not in self._tasks:
            self.expect(kind, 1)
        task = self._tasks[kind]
        self._bars.advance(task.id)
        if self._bars.disable and (task.finished or time.monotonic() > self._last_line + SECONDS_BETWEEN_LINES):
            self._last_line = time.monotonic()
            say("; ".join(map(described, self._tasks.values())), to=stderr)

    def failed(self, kind: str, subject: str, failed: Failed, *, again: bool) -> None:
        """An attempt has failed; `again` says whether there will be another."""
        what = "it is tried again" if again else "given up"
        where = f" on {failed.node}" if failed.node else ""
        say(f"{kind} {subject}{where}: {failed.reason} ({what})", to=stderr)
