"""The host's end of a connection to the agent on a board."""

import hashlib
import json
import os
import queue
import re
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, cast

from levit_edge.board.transports.transport import Transport, agent_source, boot_arguments
from levit_edge.device.protocol import GREETING, Pipe, read_frame, write_all, write_frame
from levit_edge.errors import BoardError
from levit_edge.text import counted, entries, number, reason, text

__all__ = ["Progress", "Session"]

AGENT = "levit_edge.device.agent"
START_S = 120.0
"""Seconds until the agent must have spoken: an emulated Python takes some."""
LOST_S = 30.0
"""Seconds without a word from the agent, which says something every five."""
PING_S = 10.0
END_S = 15.0
"""Seconds for the agent to clean up."""
PART = 1 << 20
"""Bytes of a file in one frame."""
LONGEST_BANNER = 1 << 16
KEPT_LINES = 40
LONGEST_MESSAGE = 2000
LONGEST_NAME = 100
CHATTER = re.compile(r"[DI] \d\d:\d\d:\d\d\.\d+ executorch:")
"""What ExecuTorch logs while all is well."""
LONGEST_COUNT = 1e9
Progress = Callable[[str, int, int | None], None]
"""What is being done, how much of it, of how much."""


class Session:
    """The agent on one board; use it in a `with` statement. Leaving it, in whatever way, ends the agent.

    It does so too `timeout_s` after `begun`, a time of `time.monotonic` that several sessions may share, or else now.

    Raises:
        BoardError: the board cannot be reached, or cannot run the agent.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        needed_bytes: int,
        progress: Progress | None = None,
        timeout_s: float | None = None,
        begun: float | None = None,
    ) -> None:
        self.transport = transport
        self._progress = progress or (lambda _what, _done, _total: None)
        self._frames: queue.Queue[bytes | None] = queue.Queue()
        self._stderr: deque[str] = deque(maxlen=KEPT_LINES)
        self._sending = threading.Lock()
        self._ended = threading.Event()
        self._late = threading.Event()
        self._flooding = threading.Event()
        self._timeout_s = timeout_s
        self._source = agent_source()
        self._process = self._start(transport.command(boot_arguments(self._source, AGENT, needed_bytes)))
        self._to = cast(Pipe, self._process.stdin)
        for work in (self._read, self._read_stderr, self._send_agent):
            threading.Thread(target=work, daemon=True).start()
        spent = 0.0 if begun is None else time.monotonic() - begun
        left = threading.TIMEOUT_MAX if timeout_s is None else max(0.0, timeout_s - spent)
        self._timer = threading.Timer(left, self._give_up)
        self._timer.daemon = True
        self._timer.start()

    def __enter__(self) -> Self:
        try:
            self._receive(START_S)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the agent and wait until it has: it removes its files and its processes."""
        self._ended.set()
        self._timer.cancel()
        with suppress(OSError):
            cast(Any, self._process.stdin).close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Send a request and wait for its answer, showing progress.

        Raises:
            BoardError: it cannot be done there, or the board is lost.
        """
        self.request(do, **arguments)
        return self.answer()

    def request(self, do: str, **arguments: Any) -> None:
        """Send a request; its answer comes after those to earlier ones."""
        self.send_bytes(json.dumps({"do": do, **arguments}).encode())

    def answer(self) -> dict[str, Any]:
        """Wait for the answer to the oldest request."""
        while True:
            document = self._document(self._receive(LOST_S))
            if "progress" in document:
                self._show(document)
            elif "error" in document:
                raise self._fault(document["error"])
            elif "alive" not in document:
                return document

    def payload(self) -> bytes:
        """Wait for the bytes that follow an answer."""
        return self._receive(LOST_S)

    def put(self, name: str, data: bytes, sent: Callable[[int], None] = lambda _bytes: None) -> None:
        """Send a file into the agent's folder; `sent` is told of bytes that are on their way.

        Raises:
            BoardError: there is no room for it, or it did not arrive whole.
        """
        self.request("put", name=name, size=len(data), sha256=hashlib.sha256(data).hexdigest())
        for start in range(0, len(data), PART):
            self.send_bytes(data[start : start + PART])
            self._progress(f"send {name}", min(start + PART, len(data)), len(data))
            sent(min(PART, len(data) - start))
        self.answer()

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                command,
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is for us, who then end the agent
                env={**os.environ, "LC_ALL": "C"},  # the client's messages are read
            )
        except OSError as error:
            raise BoardError(f"{self.transport.name}: {command[0]} cannot be started ({error.strerror}).") from error

    def send_bytes(self, frame: bytes) -> None:
        """Send a frame, such as the bytes that belong to the request before."""
        with suppress(BrokenPipeError, ValueError), self._sending:
            write_frame(self._to, frame)

    def _receive(self, patience_s: float) -> bytes:
        try:
            frame = self._frames.get(timeout=patience_s)
        except queue.Empty:
            raise BoardError(
                f"{self.transport.name}: no word from the board for {patience_s:.0f} s; it is lost."
            ) from None
        if frame is not None:
            return frame
        self._frames.put(None)
        raise BoardError(f"{self.transport.name}: {self._exit_reason()}")

    def _exit_reason(self) -> str:
        if self._late.is_set():
            return f"the board was not ready after {self._timeout_s:g} s: allow it more with --timeout."
        try:
            status = self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._flooding.set()
        if self._flooding.is_set():
            return "what it sends is not what the agent sends."
        self._ended.wait(0.2)  # its last words may still be on their way
        text = "\n".join(self._stderr)
        for line in reversed(self._stderr):
            if line.startswith("levit-edge: "):
                return line.removeprefix("levit-edge: ") + "."
        if self._greeted:
            said = f" ({self._stderr[-1]})" if self._stderr else ""
            return f"the connection was lost while the board worked{said}; it removes its files by itself."
        return self.transport.explain(status, text)

    def _document(self, frame: bytes) -> dict[str, Any]:
        try:
            document = json.loads(frame)
        except (ValueError, RecursionError) as error:
            raise BoardError(f"{self.transport.name}: the board's answer is not JSON ({error}).") from error
        if not isinstance(document, dict):
            raise BoardError(f"{self.transport.name}: the board's answer is not an object.")
        return document

    def _fault(self, error: object) -> BoardError:
        told = entries(error)
        message = reason(told.get("message"), LONGEST_MESSAGE)
        advice = {
            "disk": f"the board's disk is full: {message}. Free some space there.",
            "died": f"a process on the board ended: {message}.",
            "setup": f"the private environment could not be made: {message}",
        }
        fault = BoardError(f"{self.transport.name}: {advice.get(text(told.get('kind'), 20), message + '.')}")
        fault.file = text(told.get("file"), LONGEST_NAME) or None
        return fault

    def _show(self, document: Mapping[str, Any]) -> None:
        threads, done, total = (number(document.get(key), 0, LONGEST_COUNT) for key in ("threads", "done", "total"))
        words = [text(document.get(key), 40) for key in ("progress", "file", "step")]
        if threads:
            words.append(counted(round(threads), "thread"))
        self._progress(" ".join(filter(None, words)), int(done or 0), None if total is None else int(total))

    _greeted = False

    def _read(self) -> None:
        """In a thread: skip what the login says, then take frames."""
        with cast(Any, self._process.stdout) as stream:
            if _skip_to_greeting(stream):
                self._greeted = True
                self._frames.put(b"")
                while (frame := read_frame(stream)) is not None:
                    if not self._ended.is_set():  # afterwards nobody takes them
                        self._frames.put(frame)
            self._frames.put(None)
            flood = threading.Timer(2 * END_S, self._end_flood)
            flood.daemon = True
            flood.start()
            while stream.read(PART):  # so that it can end, and whoever waits to send to it
                pass
            self._process.wait()  # with an open pipe, so that it does not fail for want of one
            flood.cancel()

    def _end_flood(self) -> None:
        """In a thread: end a connection that goes on with what is no frame, and whatever waits for the board."""
        self._flooding.set()
        self._process.kill()

    def _read_stderr(self) -> None:
        """In a thread: keep the last lines."""
        with suppress(OSError, ValueError), cast(Any, self._process.stderr) as lines:
            for line in lines:
                said = text(line.decode("utf-8", "replace"), 400)
                if said and not CHATTER.match(said):
                    self._stderr.append(said)

    def _send_agent(self) -> None:
        """In a thread, as no pipe may have room for the agent: send it, then tell it that we are there."""
        with suppress(OSError, ValueError), self._sending:
            write_all(self._to, self._source)
        while not self._ended.wait(PING_S):
            self.send_bytes(b"")

    def _give_up(self) -> None:
        """In a thread: end the connection, and with it whatever waits for the board; the agent ends by itself."""
        self._late.set()
        self._frames.put(None)
        self.close()


def _skip_to_greeting(stream: Pipe) -> bool:
    seen = bytearray()
    while not seen.endswith(GREETING):
        byte = stream.read(1)
        if len(seen) > LONGEST_BANNER or not byte:
            return False
        seen += byte
    return True
