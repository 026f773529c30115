"""Processes that do a part of the work: `python -m MODULE`, spoken to in frames, ended by whoever started them.

Not a `multiprocessing` pool, for reasons that matter to a library: its workers import the caller's `__main__`
again (torch and all, and a script without the usual guard breaks), its results come through a thread that starves
while a runtime holds the interpreter's lock, Ctrl-C reaches its workers, and when one dies nothing tells on which
image.
"""

import errno
import os
import select
import signal
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from threading import Thread
from types import MappingProxyType, TracebackType
from typing import Self, cast

from levit_edge.device.protocol import Pipe, read_frame, write_frame
from levit_edge.device.small_files import process_peak_bytes
from levit_edge.errors import DataError
from levit_edge.system.memory import private_peak_bytes, ran_out_of_memory

__all__ = [
    "Channel",
    "Helper",
    "Helpers",
    "before_end",
    "cannot_start",
    "end_with_client",
    "next_frame",
    "serve",
    "watch_memory",
]

HINTS = {signal.SIGKILL: ", often for want of memory", signal.SIGALRM: ", as it took too long"}
END_MS = 2000
"""For a process to end its copies, before it is ended with them."""
_watches: list[list[int]] = []
_before_end: list[Callable[[], None]] = []


def serve(handle: Callable[[Pipe, Pipe], None]) -> None:
    """What the module of a helper does: `handle` reads requests and writes answers, until the client has gone.

    What else writes to standard output then writes to standard error. Want of memory ends the process with exit status
    ENOMEM.
    """
    end_with_client()
    with (
        open(0, "rb", buffering=0) as requests,
        open(os.dup(1), "wb", buffering=0) as answers,  # noqa: PTH123
        suppress(BrokenPipeError, EOFError),
    ):
        os.dup2(2, 1)
        try:
            handle(requests, answers)
        except Exception as error:
            if not ran_out_of_memory(error):
                raise
            sys.exit(errno.ENOMEM)


def next_frame(requests: Pipe) -> bytes:
    """Wait for one frame.

    Raises:
        EOFError: there is none, as the client has gone.
    """
    frame = read_frame(requests, sys.maxsize)
    if frame is None:
        raise EOFError
    return frame


def end_with_client() -> None:
    """From now on, end when nobody can write to standard input any more, at once and whatever is being done."""
    Thread(target=_wait_for_hang_up, daemon=True).start()


def before_end(do: Callable[[], None]) -> None:
    """Have something done when the client has gone, before this process ends."""
    _before_end.append(do)


def _wait_for_hang_up() -> None:
    hang_up = select.poll()
    hang_up.register(0, 0)  # POLLHUP is always told
    hang_up.poll()
    for do in _before_end:
        do()
    os._exit(0)


class Channel(ABC):
    """Frames to a process, and back."""

    def __init__(self, requests: Pipe, answers: Pipe) -> None:
        self._requests, self._answers = requests, answers

    def fileno(self) -> int:
        """Readable, for `selectors`, when an answer is there."""
        return self._answers.fileno()

    def send(self, request: bytes) -> None:
        """Send one frame; if the process has died, `receive` will tell."""
        with suppress(BrokenPipeError):
            write_frame(self._requests, request)

    def receive(self) -> bytes | None:
        """Wait for one frame; None if the process has died instead."""
        return read_frame(self._answers, sys.maxsize)

    @abstractmethod
    def exit_status(self) -> int:
        """How the process ended, once it has; the negative number of the signal that killed it."""

    def exit_reason(self) -> str:
        """How the process ended, in words, once it has; one that lacks memory ends with exit status ENOMEM."""
        status = self.exit_status()
        if status == errno.ENOMEM:
            return "out of memory"
        if status >= 0:
            return f"exit status {status}"
        number = signal.Signals(-status)
        return f"killed by {number.name}{HINTS.get(number, '')}"

    def close(self) -> None:
        """Let the process know that nobody asks any more."""
        for pipe in (self._requests, self._answers):
            with suppress(BrokenPipeError):
                pipe.close()


class Helper(Channel):
    """One running process, and the `copies` that it makes of itself, see `levit_edge.system.copies`."""

    def __init__(
        self,
        module: str,
        arguments: Sequence[object],
        *,
        pass_fds: Sequence[int] = (),
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, *map(str, arguments)],
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=pass_fds,
                env={**os.environ, **environment, "PYTHONPATH": os.pathsep.join(sys.path)},
                start_new_session=True,  # the terminal's Ctrl-C is for the parent, which then ends its helpers
            )
        except OSError as error:
            raise cannot_start(error) from error
        super().__init__(cast(Pipe, self.process.stdin), cast(Pipe, self.process.stdout))
        self.channels: list[Channel] = []
        """To its copies, to be closed with it."""
        self.copies: list[int] = []
        """Their process numbers."""

    def exit_status(self) -> int:
        """Waits until it has ended."""
        return self.process.wait()

    def peak_bytes(self) -> int:
        """Its peak memory, and what its copies had at theirs that they did not share; 0 where /proc does not tell."""
        own = process_peak_bytes(self.process.pid) or 0
        return own + sum(private_peak_bytes(copy) or 0 for copy in self.copies)

    def kill(self) -> None:
        """End the process and its copies at once: they hold nothing that would be lost."""
        if self.process.returncode is None:  # else its number may be another's
            if self.copies:
                self._let_it_end()
            with suppress(ProcessLookupError, PermissionError):  # it has just ended; macOS says the latter
                os.killpg(self.process.pid, signal.SIGKILL)  # its session is its own
        for channel in (self, *self.channels):
            channel.close()

    def _let_it_end(self) -> None:
        """Wait a moment for it to end its copies, as nobody else could wait for those."""
        self._requests.close()
        end = select.poll()
        end.register(self, select.POLLIN)
        while end.poll(END_MS) and os.read(self.fileno(), 4096):
            pass


def cannot_start(error: OSError) -> DataError:
    """What to say when there is no process, or no pipe to it."""
    return DataError(f"a helper process cannot be started: {error}; work with fewer --workers")


class Helpers:
    """Helpers that work side by side, all of them ended on leaving the context."""

    def __init__(self) -> None:
        self._running: list[Helper] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        peak = sum(helper.peak_bytes() for helper in self._running)
        for watch in _watches:
            watch.append(peak)
        for helper in self._running:
            helper.kill()
        for helper in self._running:
            helper.process.wait()

    def start(
        self,
        module: str,
        arguments: Sequence[object] = (),
        *,
        pass_fds: Sequence[int] = (),
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> Helper:
        """Start `python -m module`; with `pass_fds` it inherits those descriptors, `environment` is set there.

        Raises:
            DataError: it cannot be started.
        """
        helper = Helper(module, arguments, pass_fds=pass_fds, environment=environment)
        self._running.append(helper)
        return helper


@contextmanager
def watch_memory() -> Iterator[list[int]]:
    """The peak memory, bytes, of each group of helpers that ends while the body runs: its members' added up."""
    peaks: list[int] = []
    _watches.append(peaks)
    try:
        yield peaks
    finally:
        _watches[:] = [watch for watch in _watches if watch is not peaks]
