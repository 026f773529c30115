"""What the terminal shows: one document on stdout, progress and messages on stderr."""

import errno
import json
import os
import shlex
import sys
import textwrap
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from rich.console import Console, ConsoleDimensions

from levit_edge.cli.terminal.encoding import can_write
from levit_edge.device.words import harmless

__all__ = ["can_draw", "print_json", "say", "show_error", "show_note", "show_warning", "stderr", "stdout", "suggest"]

ANY_COLUMNS = 10_000


class _Console(Console):
    """Leaves it to `levit_edge.cli.main` what a closed pipe means, and breaks no line for whoever is no terminal.

    A program that reads them has no columns; COLUMNS gives it some.
    """

    @property
    def size(self) -> ConsoleDimensions:
        """As Rich's, which takes a pipe for a terminal of 80 columns."""
        if self._width is None and "COLUMNS" not in os.environ and not self.file.isatty():
            return ConsoleDimensions(ANY_COLUMNS, super().size.height)
        return super().size

    @size.setter
    def size(self, new_size: tuple[int, int]) -> None:
        self._width, self._height = new_size

    def on_broken_pipe(self) -> None:
        """Called while the error is handled."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


stdout = _Console()
stderr = _Console(stderr=True)


def can_draw(console: Console) -> bool:
    """Whether it is a terminal that can move its cursor; FORCE_COLOR makes none of a pipe."""
    return console.is_interactive and console.file.isatty()


def say(line: object, style: str = "", *, to: Console = stdout, wrap: bool = False) -> None:
    """Write a line as it is: nothing in it is markup, and only with `wrap` is it broken to fit, between its words.

    A name in it that would act on the terminal does not: its control characters are written as Python writes them.
    """
    line = harmless(str(line))
    if wrap:  # words stay whole: a path is there to be copied
        line = textwrap.fill(line, to.width, break_long_words=False, break_on_hyphens=False)
    to.print(line, style=style, markup=False, highlight=False, soft_wrap=True)


def print_json(document: Any) -> None:
    """Write one JSON document and nothing else to stdout; what its encoding lacks is escaped as JSON does."""
    text = json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False)
    escaped = text if can_write(text, sys.stdout) else json.dumps(document, indent=1, allow_nan=False)
    sys.stdout.write(escaped + "\n")


def show_error(message: str) -> None:
    """Write an error, as it is, to stderr."""
    with suppress(OSError):  # the terminal was closed
        stderr.print("[bold red]error:[/] ", end="")
        say(message, to=stderr)


def show_warning(message: str) -> None:
    """Write a warning, as it is, to stderr."""
    stderr.print("[yellow]warning:[/] ", end="")
    say(message, to=stderr)


def show_note(message: str) -> None:
    """Write what is good to know and asks for nothing, as it is, to stderr."""
    say(f"note: {message}", to=stderr)


def suggest(*commands: Sequence[object]) -> None:
    """Write the commands that come next on stdout, ready to be copied."""
    for number, words in enumerate(commands):
        say(f"{'     ' if number else 'next:'} {shlex.join(map(str, words))}")
