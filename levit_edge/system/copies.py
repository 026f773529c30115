"""A helper process that goes on as several, so that what it has read, such as models, is in memory once.

It is forked when it has read that: its pages are the copies' pages, until one of them writes there, and nothing is
imported or loaded twice. Forking is sound only where no other thread computes: a library's threads would be missing in
the copies, and who waits for them waits for ever. So a helper that has such threads says that it cannot be copied.
"""

import gc
import os
import signal
import warnings
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from itertools import chain
from pathlib import Path
from threading import Lock, active_count
from typing import NoReturn

from levit_edge.device.protocol import Pipe, write_frame
from levit_edge.system.memory import give_back_freed
from levit_edge.system.worker import Channel, Helper, Helpers, before_end, cannot_start, end_with_client

__all__ = ["Copy", "copied", "go_on_as_copies", "start_to_copy"]

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""In a helper that is to copy itself: NumPy's OpenBLAS starts its threads when it is imported."""
THREADS = Path("/proc/self/task")
READY, NO = b"ready", b"cannot be copied"


class Copy(Channel):
    """Frames to one of the processes that a helper has made of itself."""

    def __init__(self, helper: Helper, place: int, ended: dict[int, int], requests: Pipe, answers: Pipe) -> None:
        super().__init__(requests, answers)
        self._helper, self._place, self._ended = helper, place, ended

    def exit_status(self) -> int:
        """As its helper tells; the helper's own, if that has died too and cannot tell."""
        while self._place not in self._ended:
            told = self._helper.receive()
            if told is None:
                self._helper.kill()
                self._ended[self._place] = self._helper.exit_status()
            else:
                place, status = map(int, told.split())
                self._ended[place] = status
        return self._ended[self._place]


def start_to_copy(helpers: Helpers, module: str, copies: int) -> Helper:
    """Start `python -m module`, which is to call `go_on_as_copies`; its channels are to be those of its copies.

    Raises:
        DataError: it cannot be started.
    """
    with ExitStack() as ours, ExitStack() as theirs:
        try:
            requests = [_pipe(theirs, ours) for _ in range(copies)]
            answers = [_pipe(ours, theirs) for _ in range(copies)]
        except OSError as error:
            raise cannot_start(error) from error
        ends = [(reads.fileno(), writes.fileno()) for (reads, _), (_, writes) in zip(requests, answers, strict=True)]
        arguments, inherited = [f"{reads}:{writes}" for reads, writes in ends], [*chain(*ends)]
        helper = helpers.start(module, arguments, pass_fds=inherited, environment=ONE_THREAD)
        ended: dict[int, int] = {}
        helper.channels = [
            Copy(helper, place, ended, writes, reads)
            for place, ((_, writes), (reads, _)) in enumerate(zip(requests, answers, strict=True))
        ]
        ours.pop_all()
    return helper


def copied(helper: Helper) -> list[Channel]:
    """Wait until `helper` has copied itself: the channels to its copies, of which there may be fewer than asked for.

    None if it has threads, so that it cannot be copied and goes on alone. If there was no memory for a single copy, or
    if it has died instead, which the next one to ask it finds: the helper.
    """
    told = helper.receive()
    if told == NO:
        return []
    helper.copies = [int(number) for number in (told or b"").split()]
    for channel in helper.channels[len(helper.copies) :]:
        channel.close()
    del helper.channels[len(helper.copies) :]
    for channel in helper.channels:
        channel.receive()  # until then it may have the pipes of others, whose end would not be seen
    return [*helper.channels] or [helper]


def go_on_as_copies(ends: Sequence[str], answers: Pipe) -> None:
    """Return in copies of this process, one for each of the `ends` in its arguments, which reads and answers there.

    What was open as standard input and as `answers` is theirs. This process itself returns only without `ends`, or if
    it cannot be copied, not even once; else it tells whoever started it how each of its copies ends.
    """
    if not ends:
        return
    if _has_threads():
        write_frame(answers, NO)
        return
    give_back_freed()
    gc.freeze()  # collections would write to, and so copy, what all have
    pipes = [tuple(map(int, end.split(":"))) for end in ends]
    copies: dict[int, int] = {}
    for place, own in enumerate(pipes):
        number = _fork()
        if number is None:  # those that there are do the work
            break
        if number == 0:
            _begin_as_copy(own, pipes, answers)
            return
        copies[number] = place
    _close(pipes)
    write_frame(answers, " ".join(map(str, copies)).encode())
    if copies:
        _tell_of(copies, answers)


def _has_threads() -> bool:
    """Whether there may be threads besides Python's own, of which `end_with_client` has one that only waits."""
    try:
        return len([*THREADS.iterdir()]) > active_count()
    except OSError:
        return True


def _fork() -> int | None:
    """As `os.fork`; None for want of memory, or of processes."""
    with warnings.catch_warnings(), suppress(OSError):
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12, of the thread that only waits
        return os.fork()
    return None


def _begin_as_copy(own: tuple[int, ...], pipes: Sequence[tuple[int, ...]], answers: Pipe) -> None:
    reads, writes = own
    os.dup2(reads, 0)
    os.dup2(writes, answers.fileno())
    _close(pipes)
    end_with_client()
    write_frame(answers, READY)


def _close(pipes: Sequence[tuple[int, ...]]) -> None:
    for end in chain(*pipes):
        os.close(end)


def _tell_of(copies: dict[int, int], answers: Pipe) -> NoReturn:
    """Tell how each of the `copies` ends, whose places are by process number; end them with the client.

    None is left behind as a zombie: not everybody's first process waits for those of others.
    """
    waiting = Lock()  # a number is another process's once it was waited for

    def end_them() -> None:
        waiting.acquire()
        for number in copies:
            os.kill(number, signal.SIGKILL)
        for number in copies:
            os.waitpid(number, 0)

    before_end(end_them)
    with suppress(ChildProcessError):
        while copies:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
            with waiting:
                _, how = os.waitpid(ended.si_pid, 0)  # type: ignore[union-attr]  # None only with WNOHANG
                place = copies.pop(ended.si_pid, None)  # type: ignore[union-attr]
            if place is not None:
                _tell(answers, place, os.waitstatus_to_exitcode(how))
    os._exit(0)


def _tell(answers: Pipe, place: int, status: int) -> None:
    with suppress(BrokenPipeError):  # the client has gone, which `before_end` sees to
        write_frame(answers, f"{place} {status}".encode())


def _pipe(readers: ExitStack, writers: ExitStack) -> tuple[Pipe, Pipe]:
    """Both ends of a new one, which are closed with these."""
    reads, writes = os.pipe()
    return (
        readers.enter_context(open(reads, "rb", buffering=0)),  # noqa: PTH123 - descriptors, not paths
        writers.enter_context(open(writes, "wb", buffering=0)),  # noqa: PTH123
    )
