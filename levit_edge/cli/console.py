"""What the terminal shows: one document on stdout, progress and messages on stderr."""

import errno
import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from levit_edge.runtime.stages import Advance

__all__ = ["TerminalListener", "print_json", "show_error", "show_warning", "stdout"]


class _Console(Console):
    """Leaves it to `levit_edge.cli.main` what a closed pipe means."""

    def on_broken_pipe(self) -> None:
        """Called while the error is handled."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


stdout = _Console()
stderr = _Console(stderr=True)


def print_json(document: Any) -> None:
    """Write one JSON document and nothing else to stdout."""
    sys.stdout.write(json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def show_error(message: str) -> None:
    """Write an error, as it is, to stderr."""
    with suppress(OSError):  # the terminal was closed
        stderr.print("[bold red]error:[/] ", end="")
        stderr.print(message, markup=False, highlight=False, soft_wrap=True)


def show_warning(message: str) -> None:
    """Write a warning, as it is, to stderr."""
    stderr.print("[yellow]warning:[/] ", end="")
    stderr.print(message, markup=False, highlight=False, soft_wrap=True)


class TerminalListener:
    """Shows stages: a bar on a terminal, elsewhere a line when each one begins."""

    @contextmanager
    def stage(self, name: str, total: int | None) -> Iterator[Advance]:
        """Show the stage while the body runs."""
        if not stderr.is_terminal:
            stderr.print(f"{name} …", markup=False, highlight=False)
            yield lambda _count: None
            return
        counts = [BarColumn(bar_width=24), MofNCompleteColumn()] if total else []
        columns = [SpinnerColumn(), TextColumn("{task.description:<20}"), *counts, TimeElapsedColumn()]
        with Progress(*columns, console=stderr) as progress:
            task = progress.add_task(name, total=total)
            yield lambda count: progress.advance(task, count)
            if total is None:
                progress.update(task, total=1, completed=1)
