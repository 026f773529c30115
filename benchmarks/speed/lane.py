"""The parent's end of a worker: starts it, asks it, and lets it run only while it is asked.

Between its turns a worker is stopped (SIGSTOP), so that runtimes whose idle threads spin take no time from the others;
no runtime's settings are changed for it.
"""

import json
import selectors
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.isolation import LONGEST_REASON

__all__ = ["Lane", "LaneError"]

LONGEST_ANSWER_S = 900.0
"""Seconds: torch.compile may compile for minutes before its first run."""


class LaneError(Exception):
    """A contender cannot go on; the message is the reason for its row."""


class Lane:
    """One worker process; use it in a `with` statement."""

    def __init__(self) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self.process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.speed.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=Path(__file__).parents[2],
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self.process.kill()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue
        self.process.wait()
        self._errors.close()

    def ask(self, request: str, **arguments: Any) -> dict[str, Any]:
        """The answer; the worker runs until then and is stopped again.

        Raises:
            LaneError: it cannot be done, the process died, or there was no answer in time.
        """
        if self.process.poll() is not None:
            raise LaneError(self._exit_reason())
        self.process.send_signal(signal.SIGCONT)
        try:
            answer: dict[str, Any] = json.loads(self._exchange(json.dumps({"request": request, **arguments})))
        finally:
            self.process.send_signal(signal.SIGSTOP)
        if "error" in answer:
            raise LaneError(f"failed: {' '.join(answer['error'].split())[:LONGEST_REASON]}")
        return answer

    def _exchange(self, line: str) -> bytes:
        to, back = self.process.stdin, self.process.stdout
        if to is None or back is None:
            raise LaneError("failed: its process has no pipes")
        try:
            to.write(line.encode() + b"\n")
            to.flush()
        except BrokenPipeError:
            raise LaneError(self._exit_reason()) from None
        with selectors.DefaultSelector() as selector:
            selector.register(back, selectors.EVENT_READ)
            if not selector.select(LONGEST_ANSWER_S):
                raise LaneError(f"failed: no answer in {LONGEST_ANSWER_S:.0f} s")
        answer = back.readline()
        if not answer:
            raise LaneError(self._exit_reason())
        return answer

    def _exit_reason(self) -> str:
        status = self.process.wait()
        how = f"signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
        self._errors.seek(0)
        last = self._errors.read().decode(errors="replace").strip().rpartition("\n")[2]
        return f"failed: its process died, {how}" + (f": {last[:LONGEST_REASON]}" if last else "")
