"""What the terminal shows while boards work: a line for each on a terminal, elsewhere a line for each new step."""

import threading
from types import TracebackType
from typing import Self

from levit_edge.board.session import Progress as Report
from levit_edge.cli.terminal.console import stderr
from levit_edge.cli.terminal.progress import draws_bars, progress_bars

__all__ = ["BoardProgress"]


class BoardProgress:
    """Shows what boards report; use it in a `with` statement. With `quiet` nothing is shown."""

    def __init__(self, *, several: bool, quiet: bool = False) -> None:
        self._several, self._quiet = several, quiet
        self._lock = threading.Lock()
        self._bars = progress_bars(transient=True) if draws_bars() and not quiet else None

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bars is not None:
            self._bars.stop()

    def of(self, board: str) -> Report:
        """What a board's connection calls."""
        shown = f"{board}: " if self._several else ""
        if self._quiet:
            return lambda _what, _done, _total: None
        if self._bars is None:
            return self._lines(shown)
        bars, task, last = self._bars, self._bars.add_task(shown + "connect", total=None), "connect"

        def report(what: str, done: int, total: int | None) -> None:
            nonlocal task, last
            if what != last:  # a step has its own rate and time
                bars.remove_task(task)
                task, last = bars.add_task(shown + what, total=total), what
            bars.update(task, completed=done, total=total)

        return report

    def _lines(self, shown: str) -> Report:
        last = ""

        def report(what: str, _done: int, _total: int | None) -> None:
            nonlocal last
            with self._lock:
                if what != last:
                    stderr.print(f"{shown}{what} …", markup=False, highlight=False, soft_wrap=True)
                last = what

        return report
