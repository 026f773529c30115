"""The agent's end of a worker."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import warnings
from typing import Any

from levit_edge.device.protocol import AgentError, read_frame, write_frame
from levit_edge.device.worker import LONGEST_START_S, serve_worker


class Lane:
    """One worker, seen from the agent.

    The worker is forked, not started anew: an emulated Python cannot start programs of its own kind everywhere. It is
    stopped while others work, as the idle threads of some runtimes spin.
    """

    def __init__(self) -> None:
        (requests, to_worker), (from_worker, answers) = os.pipe(), os.pipe()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of fork beside threads: ours are in system calls
            self.pid = os.fork()
        if self.pid == 0:
            os.close(to_worker)
            os.close(from_worker)
            serve_worker(os.fdopen(requests, "rb"), os.fdopen(answers, "wb", buffering=0))
        os.close(requests)
        os.close(answers)
        self._requests, self._answers = os.fdopen(to_worker, "wb", buffering=0), os.fdopen(from_worker, "rb")

    def send(self, request: dict[str, Any], payload: bytes | None = None) -> None:
        """Let the worker go on, with a request."""
        os.kill(self.pid, signal.SIGCONT)
        with contextlib.suppress(BrokenPipeError):
            write_frame(self._requests, json.dumps({**request, "payload": payload is not None}).encode())
            if payload is not None:
                write_frame(self._requests, payload)

    def receive(self) -> tuple[dict[str, Any], bytes]:
        """The answer, and the bytes that belong to it."""
        frame = read_frame(self._answers)
        payload = None if frame is None else read_frame(self._answers)
        if frame is None or payload is None:
            raise AgentError("died", f"its process died ({self._exit_reason()})")
        answer = json.loads(frame)
        if "error" in answer:
            raise AgentError(answer["error"]["kind"], answer["error"]["message"])
        return answer, payload

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send a request, wait for the answer, and stop the worker again."""
        self.send(request)
        try:
            return self.receive()[0]
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGSTOP)

    def close(self) -> None:
        """End the worker, whatever it is doing."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        self._requests.close()
        self._answers.close()

    def _exit_reason(self) -> str:
        try:
            _, status = os.waitpid(self.pid, 0)
        except ChildProcessError:
            return "it is gone"
        if not os.WIFSIGNALED(status):
            return f"exit status {os.WEXITSTATUS(status)}"
        number = signal.Signals(os.WTERMSIG(status))
        hints = {
            signal.SIGKILL: ", often for want of memory",
            signal.SIGILL: ": an instruction this processor has not",
            signal.SIGSEGV: ": the file is damaged or hostile, or the runtime does not fit this processor",
            signal.SIGALRM: f": it took more than {LONGEST_START_S} s to load it and to run it once",
        }
        return number.name + hints.get(number, "")
