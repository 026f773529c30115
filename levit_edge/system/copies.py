"""A helper process that goes on as several, so that what it has read, such as models, is in memory once.

It is forked when it has read that: its pages are the copies' pages, until one of them writes there, and nothing is
imported or loaded twice. Forking is sound only where no other thread computes: a library's threads would be missing in
the copies, and who waits for them waits for ever. So a helper that has such threads says that it cannot be copied.
"""

import gc
import os
import signal
import threading
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from levit_edge.device.protocol import Pipe, write_frame
from levit_edge.system.memory import give_back_freed
from levit_edge.system.worker import Channel, Helper, Helpers, end_with_client

__all__ = ["copied", "go_on_as_copies", "start_to_copy"]

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""In a helper that is to copy itself: NumPy's OpenBLAS starts its threads when it is imported."""
THREADS = Path("/proc/self/task")
YES, NO = b"copied", b"cannot be copied"


def start_to_copy(helpers: Helpers, module: str, copies: int) -> Helper:
    """Start `python -m module`, which is to call `go_on_as_copies`; its channels are to be those of its copies."""
    requests, answers = ([os.pipe() for _ in range(copies)] for _ in range(2))
    theirs = [(reads, writes) for (reads, _), (_, writes) in zip(requests, answers, strict=True)]
    try:
        arguments = [f"{reads}:{writes}" for reads, writes in theirs]
        descriptors = [end for ends in theirs for end in ends]
        helper = helpers.start(module, arguments, pass_fds=descriptors, environment=ONE_THREAD)
    except BaseException:
        for end in (each for ends in (*requests, *answers) for each in ends):
            os.close(end)
        raise
    for end in (each for ends in theirs for each in ends):
        os.close(end)
    ours = [(writes, reads) for (_, writes), (reads, _) in zip(requests, answers, strict=True)]
    helper.channels = [Channel(_unbuffered(writes, "wb"), _unbuffered(reads, "rb")) for writes, reads in ours]
    return helper


def copied(helper: Helper) -> list[Channel]:
    """Wait until `helper` has copied itself: the channels to its copies; to itself if it cannot be copied.

    Or if it has died instead, which the next one to ask it finds.
    """
    if helper.receive() != YES:
        return [helper]
    numbers = [channel.receive() for channel in helper.channels]
    helper.copies = [int(number) for number in numbers if number is not None]
    return helper.channels


def go_on_as_copies(ends: Sequence[str], answers: Pipe) -> None:
    """Return in copies of this process, one for each of the `ends` in its arguments, which reads and answers there.

    What was open as standard input and as `answers` is theirs. This process itself returns only without `ends`, or if
    it cannot be copied; else it ends as the first of its copies that fails, so that whoever started it learns how.
    """
    if not ends:
        return
    if _has_threads():
        write_frame(answers, NO)
        return
    write_frame(answers, YES)
    give_back_freed()
    gc.freeze()  # collections would write to, and so copy, what all have
    pipes = [tuple(map(int, end.split(":"))) for end in ends]
    for reads, writes in pipes:
        if _fork() == 0:
            os.dup2(reads, 0)
            os.dup2(writes, answers.fileno())
            _close(pipes)  # also the others', whose end would not be seen
            end_with_client()
            write_frame(answers, str(os.getpid()).encode())
            return
    _close(pipes)
    _end_as_copies()


def _has_threads() -> bool:
    """Whether there are threads besides Python's own, of which `end_with_client` has one that only waits."""
    return len([*THREADS.iterdir()]) > threading.active_count()


def _fork() -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12, of the thread that only waits
        return os.fork()


def _close(pipes: Sequence[tuple[int, ...]]) -> None:
    for end in (each for ends in pipes for each in ends):
        os.close(end)


def _end_as_copies() -> NoReturn:
    """Not before the first that fails; the others go on."""
    status = 0
    while not status:
        try:
            _, how = os.wait()
        except ChildProcessError:
            break
        status = os.waitstatus_to_exitcode(how)
    if status < 0:
        with suppress(OSError):  # SIGKILL is as it is
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(max(status, 0))


def _unbuffered(end: int, mode: str) -> Pipe:
    return open(end, mode, buffering=0)
