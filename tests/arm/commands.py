"""Commands that work on emulated boards, and what stops them."""

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.arm.board import Board
from tests.integration.conftest import levit_edge

ONCE = ("--runs", "1", "--threads", "1")
Started = Callable[..., "subprocess.Popen[str]"]


def until(condition: Callable[[], bool]) -> None:
    """Wait for what must come; the time limit of tests is the end of it."""
    while not condition():
        time.sleep(0.02)


def to(*boards: Board) -> tuple[str, ...]:
    """Options that name boards, and how ssh gets there."""
    return (*(word for each in boards for word in ("--on", each.address)), "--ssh-config", str(boards[0].ssh_config))


def client_of(process: "subprocess.Popen[str]") -> int:
    """The ssh that a command has started."""
    for candidate in Path("/proc").glob("[0-9]*"):
        try:
            name, _, rest = (candidate / "stat").read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue
        if name == "ssh" and int(rest.split()[1]) == process.pid:
            return int(candidate.name)
    raise AssertionError("it has no ssh")


def refused(*arguments: str | Path) -> str:
    """What a command says whose input is at fault: one message."""
    run = levit_edge(*arguments)
    assert run.returncode == 3, run.stderr
    assert run.stdout == ""
    (line,) = [each for each in run.stderr.splitlines() if each.startswith("error: ")]
    return line.removeprefix("error: ")
