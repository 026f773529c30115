"""What the terminal shows of a sweep: a bar for each kind of task, elsewhere a line now and then."""

import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.progress import TaskID

from levit_edge.cli.console import stderr
from levit_edge.cli.progress import draws_bars, progress_bars

if TYPE_CHECKING:
    from levit_edge.sweep.call import Failed

__all__ = ["SweepProgress"]

SECONDS_BETWEEN_LINES = 10.0


class SweepProgress:
    """Shows tasks done, of how many, how fast, and the time left; use it in a `with` statement.

    It is a `levit_edge.sweep.runner.Listener`. With `quiet` nothing is shown.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._bars = progress_bars() if draws_bars() and not quiet else None
        self._tasks: dict[str, TaskID] = {}
        self._expected: dict[str, int] = {}
        self._ended: dict[str, int] = {}
        self._last_line = 0.0

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bars is not None:
            self._bars.stop()

    def expect(self, kind: str, tasks: int) -> None:
        """So many more tasks of `kind` will come."""
        self._expected[kind] = self._expected.get(kind, 0) + tasks
        self._ended.setdefault(kind, 0)
        if self._bars is not None:
            if kind not in self._tasks:
                self._tasks[kind] = self._bars.add_task(kind, total=0)
            self._bars.update(self._tasks[kind], total=self._expected[kind])

    def ended(self, kind: str) -> None:
        """One has ended, well or not."""
        self._ended[kind] = self._ended.get(kind, 0) + 1
        if self._bars is not None:
            self._bars.update(self._tasks[kind], completed=self._ended[kind])
        elif not self._quiet and (self._complete(kind) or time.monotonic() > self._last_line + SECONDS_BETWEEN_LINES):
            self._last_line = time.monotonic()
            done = (f"{name} {self._ended[name]}/{total}" for name, total in self._expected.items() if total)
            stderr.print(", ".join(done), markup=False, highlight=False, soft_wrap=True)

    def failed(self, kind: str, subject: str, failed: "Failed", *, again: bool) -> None:
        """An attempt has failed; `again` says whether there will be another."""
        if not self._quiet:
            what = "it is tried again" if again else "given up"
            where = f" on {failed.node}" if failed.node else ""
            stderr.print(
                f"{kind} {subject}{where}: {failed.reason} ({what})", markup=False, highlight=False, soft_wrap=True
            )

    def _complete(self, kind: str) -> bool:
        return self._ended[kind] == self._expected.get(kind)
