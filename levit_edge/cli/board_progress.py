"""What the terminal shows while boards work: a line for each on a terminal, elsewhere a line for each new step."""

import threading
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from levit_edge.cli.console import stderr
from levit_edge.runtime.board.session import Progress as Report

__all__ = ["BoardProgress"]


class BoardProgress:
    """Shows what boards report; use it in a `with` statement."""

    def __init__(self, *, several: bool) -> None:
        self._several = several
        self._lock = threading.Lock()
        self._bars: Progress | None = None
        if stderr.is_terminal:
            self._bars = Progress(
                SpinnerColumn(),
                TextColumn("{task.description:<34}"),
                BarColumn(bar_width=16),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                console=stderr,
                transient=True,
            )

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
        if self._bars is None:
            return self._lines(shown)
        bars, task = self._bars, self._bars.add_task(shown + "connect", total=None)

        def report(what: str, done: int, total: int | None) -> None:
            bars.update(task, description=shown + what, completed=done, total=total)

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
