"""A command on a terminal of a given width."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
LEVIT_EDGE = ("-m", "levit_edge.cli.main")
FROM_OUTSIDE = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "TERM"}


def on_terminal(
    *arguments: str | Path,
    columns: int = 80,
    environment: Mapping[str, str] | None = None,
    program: Sequence[str] = LEVIT_EDGE,
) -> tuple[int, str]:
    """The exit status and everything written to the terminal, raw; `program` is what Python runs."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    inherited = {name: value for name, value in os.environ.items() if name not in FROM_OUTSIDE}
    command = [sys.executable, *program, *map(str, arguments)]
    with subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=inherited | {"TERM": "xterm-256color"} | dict(environment or {}),
    ) as process:
        os.close(theirs)
        written = b""
        while part := _read(ours):
            written += part
    os.close(ours)
    return process.returncode, written.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 1 << 16)
    except OSError:  # Linux's end of a terminal
        return b""


def screen_lines(raw: str) -> list[str]:
    """The lines as they were left: what a carriage return began anew counts as a line of its own."""
    return [line.rstrip() for line in CONTROL.sub("", raw).replace("\r\n", "\n").replace("\r", "\n").split("\n")]
