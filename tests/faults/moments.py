"""When a running command is ended, and by what."""

import os
import random
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ENDINGS", "Ending", "Moment", "Victim", "choose_moment", "left_behind"]

MARK = "LEVIT_EDGE_FAULT"
POLL_S = 0.0005


@dataclass(frozen=True)
class Ending:
    """A signal, and whether the whole process group gets it, as from a terminal, or the command's process alone."""

    number: signal.Signals
    group: bool

    def __str__(self) -> str:
        return f"{self.number.name} to {'its group' if self.group else 'it alone'}"


ENDINGS = (
    Ending(signal.SIGKILL, group=False),
    Ending(signal.SIGKILL, group=True),
    Ending(signal.SIGINT, group=False),
    Ending(signal.SIGINT, group=True),
    Ending(signal.SIGTERM, group=False),
    Ending(signal.SIGHUP, group=True),
)


@dataclass(frozen=True, kw_only=True)
class Moment:
    """`delay_s` after the start, after a line of stderr begins with `line`, or after a file like `file` is there."""

    delay_s: float
    line: str | None = None
    file: str | None = None

    def __str__(self) -> str:
        after = f" after “{self.line}”" if self.line else f" after {self.file}" if self.file else ""
        return f"{self.delay_s:.4f} s{after}"


def choose_moment(chance: random.Random, duration_s: float, lines: Sequence[str], files: Sequence[str]) -> Moment:
    """A third of the time anywhere in `duration_s`, at the beginning of a stage, and at the last steps on the disk."""
    kind = chance.randrange(3)
    if kind == 1 and lines:
        return Moment(delay_s=chance.uniform(0, 0.3), line=chance.choice(lines))
    if kind == 2 and files:
        return Moment(delay_s=chance.expovariate(1 / 0.003), file=chance.choice(files))
    return Moment(delay_s=chance.uniform(0, duration_s))


@dataclass
class Victim:
    """A running command in a session of its own; its stderr goes to `log`."""

    pid: int
    log: Path
    place: Path

    def end_at(self, moment: Moment, ending: Ending) -> float | None:
        """Send `ending` at `moment`; the seconds since the start, or None if the command ended before."""
        start = time.monotonic()
        while not self._has_come(moment):
            if self._ended():
                return None
            time.sleep(POLL_S)
        until = (start if moment.line is None and moment.file is None else time.monotonic()) + moment.delay_s
        while time.monotonic() < until:
            if self._ended():
                return None
            time.sleep(min(POLL_S, max(0.0, until - time.monotonic())))
        if self._ended():
            return None
        (os.killpg if ending.group else os.kill)(self.pid, ending.number)
        return time.monotonic() - start

    def _has_come(self, moment: Moment) -> bool:
        if moment.line is not None:
            return any(line.startswith(moment.line) for line in self.log.read_text().splitlines())
        return moment.file is None or any(self.place.glob(moment.file))

    def _ended(self) -> bool:
        """Without reaping it."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def left_behind(mark: str, patience_s: float = 10) -> list[int]:
    """Processes with `mark` in their environment that are still there after some time: none is expected."""
    until = time.monotonic() + patience_s
    while found := [pid for pid in _processes() if f"{MARK}={mark}".encode() in _environment(pid)]:
        if time.monotonic() > until:
            return found
        time.sleep(0.02)
    return []


def _processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _environment(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""
