"""Starting a command: as a program, or as a fork of this one in which everything is imported already."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.faults.moments import MARK

__all__ = ["Start", "forked", "program"]

Wait = Callable[[], int]
Start = Callable[[Sequence[str], Path, str], tuple[int, Wait]]
"""(command, its folder, mark) -> its process id, and what waits for its exit status. Output goes to files there."""


def program(command: Sequence[str], place: Path, mark: str) -> tuple[int, Wait]:
    """A process of its own from the first instruction on."""
    with (place / "stderr.log").open("wb") as complaints, (place / "stdout.log").open("wb") as answers:
        process = subprocess.Popen(
            command,
            cwd=place,
            env=os.environ | {MARK: mark},
            stdout=answers,
            stderr=complaints,
            start_new_session=True,
        )
    return process.pid, process.wait


def forked(command: Sequence[str], place: Path, mark: str) -> tuple[int, Wait]:
    """The same without the seconds that importing torch takes; `command` is `python -m tests.faults.tiny …`."""
    from levit_edge.cli import main as cli
    from levit_edge.model.config import CONFIGS
    from levit_edge.quantize import pipeline  # noqa: F401 - imported before the fork
    from tests.faults.tiny_levit import TINY

    CONFIGS[TINY.name] = TINY
    pid = os.fork()
    if pid:
        while os.getpgid(pid) != pid:
            time.sleep(0.0001)
        return pid, lambda: os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.chdir(place)
        os.environ[MARK] = mark
        for descriptor, name in ((1, "stdout.log"), (2, "stderr.log")):
            os.dup2(os.open(place / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
        cli.main(list(command[3:]))
    except SystemExit as ended:
        status = int(ended.code or 0)
    finally:
        sys.stdout.flush()
        os._exit(status)
