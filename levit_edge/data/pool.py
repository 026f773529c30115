"""Decoding processes that share memory with us and need no thread here.

Not a `multiprocessing` pool, for reasons that matter to a library: its workers import the caller's `__main__`
again (torch and all, and a script without the usual guard breaks), its results come through a thread that starves
while a runtime holds the interpreter's lock, Ctrl-C reaches its workers, and when one dies nothing tells on
which image. Here each worker is `python -m levit_edge.data.worker`; image i goes to worker i mod n, in order, and
its pixels to slot i mod (n × PREFETCH) of memory that all share. So memory is constant, however many images.
"""

import json
import mmap
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

import numpy as np

from levit_edge.data.preprocess import Pixels, Preprocessing
from levit_edge.errors import DataError

__all__ = ["PREFETCH", "read_squares"]

PREFETCH = 32
"""Images that each worker may be ahead: more than a calibration batch, 5 MB at 224 pixels."""


def read_squares(
    images: Sequence[Path], preprocessing: Preprocessing, workers: int
) -> Generator[Pixels | str, None, None]:
    """For each image in order its (size, size, 3) uint8 pixels, or the reason why it cannot be read.

    The array is a view of shared memory, and good only until the next one is asked for. Closing the generator
    ends the workers at once.

    Raises:
        DataError: a worker cannot be started, or died; the image that it was on is named.
    """
    slots = workers * PREFETCH
    with ExitStack() as stack:
        memory, pixels = _shared_memory(stack, slots, preprocessing.image_size)
        pool = [stack.enter_context(_Worker(memory, preprocessing)) for _ in range(workers)]
        for index, image in enumerate(images[:slots]):
            pool[index % workers].request(index, image)
        for index, image in enumerate(images):
            reason = pool[index % workers].answer(image)
            yield pixels[index % slots] if reason is None else reason
            if index + slots < len(images):
                pool[index % workers].request(index % slots, images[index + slots])


def _shared_memory(stack: ExitStack, slots: int, size: int) -> tuple[int, Pixels]:
    """A descriptor of memory without a file, and the memory as (slots, size, size, 3) uint8."""
    memory = os.memfd_create("levit-edge-pixels")
    stack.callback(os.close, memory)
    os.ftruncate(memory, slots * size * size * 3)
    return memory, np.frombuffer(mmap.mmap(memory, 0), np.uint8).reshape(slots, size, size, 3)


class _Worker:
    """One decoding process, ended on leaving the context."""

    def __init__(self, memory: int, preprocessing: Preprocessing) -> None:
        geometry = (memory, preprocessing.resize, preprocessing.image_size)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "levit_edge.data.worker", *map(str, geometry)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=(memory,),
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                start_new_session=True,  # the terminal's Ctrl-C is for the parent, which then ends its workers
            )
        except OSError as error:
            raise DataError(f"a decoding process cannot be started: {error}; decode with no workers") from error
        self._requests = cast(IO[bytes], self._process.stdin)
        self._answers = cast(IO[bytes], self._process.stdout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()  # it holds nothing that would be lost
        for pipe in (self._requests, self._answers):
            with suppress(BrokenPipeError):
                pipe.close()
        self._process.wait()

    def request(self, slot: int, image: Path) -> None:
        """Ask for `image` in `slot`. Its answer comes after those to earlier requests."""
        with suppress(BrokenPipeError):  # `answer` tells that the process has died, and on which image
            self._requests.write(json.dumps([slot, str(image)]).encode() + b"\n")
            self._requests.flush()

    def answer(self, image: Path) -> str | None:
        """None if `image`'s pixels are in its slot, or the reason why it cannot be read."""
        line = self._answers.readline()
        if not line.endswith(b"\n"):
            raise DataError(f"{image}: the process that decoded it died ({self._fate()})")
        reason: str | None = json.loads(line)
        return reason

    def _fate(self) -> str:
        status = self._process.wait()
        if status >= 0:
            return f"exit status {status}"
        hint = ", often for want of memory" if status == -signal.SIGKILL else ""
        return f"killed by {signal.Signals(-status).name}{hint}"
