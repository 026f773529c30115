"""Decoding processes that share memory with us and need no thread here.

Each worker is `python -m levit_edge.data.worker`; image i goes to worker i mod n, in order, and its pixels to slot
i mod (n × PREFETCH) of memory that all share. So memory is constant, however many images.
"""

import json
import mmap
import os
from collections.abc import Generator, Sequence
from contextlib import ExitStack

import numpy as np

from levit_edge.data.locations import Location, image_at, pack
from levit_edge.data.preprocess import Pixels, Preprocessing, cut_square
from levit_edge.device.image import decoding_fault
from levit_edge.errors import DataError
from levit_edge.system.worker import Helper, Helpers

__all__ = ["PREFETCH", "read_squares"]

WORKER = "levit_edge.data.worker"
PREFETCH = 32
"""Images that each worker may be ahead: more than a calibration batch, 5 MB at 224 pixels."""


def read_squares(
    images: Sequence[Location], preprocessing: Preprocessing, workers: int
) -> Generator[Pixels | str, None, None]:
    """For each image in order its (size, size, 3) uint8 pixels, or the reason why it cannot be read.

    The array is a view of shared memory, and good only until the next one is asked for. Closing the generator
    ends the workers at once. `workers` of 0 decodes in this process.

    Raises:
        DataError: a worker cannot be started, or died; the image that it was on is named.
    """
    workers = min(workers, len(images))
    if workers == 0:
        yield from (_read_here(image, preprocessing) for image in images)
        return
    slots = workers * PREFETCH
    with ExitStack() as stack:
        memory, pixels = _shared_memory(stack, slots, preprocessing.image_size)
        helpers = stack.enter_context(Helpers())
        size, resize = preprocessing.image_size, preprocessing.resize
        how = (resize, size, preprocessing.interpolation, preprocessing.squash, preprocessing.exif)
        pool = [helpers.start(WORKER, (memory, *how), pass_fds=(memory,)) for _ in range(workers)]
        for index, image in enumerate(images[:slots]):
            request(pool[index % workers], index, image)
        for index, image in enumerate(images):
            reason = answer(pool[index % workers], image)
            yield pixels[index % slots] if reason is None else reason
            if index + slots < len(images):
                request(pool[index % workers], index % slots, images[index + slots])


def _read_here(image: Location, preprocessing: Preprocessing) -> Pixels | str:
    try:
        return np.asarray(cut_square(image_at(image, exif=preprocessing.exif), preprocessing))
    except DataError as error:
        return decoding_fault(image, error)


def request(worker: Helper, slot: int, image: Location) -> None:
    """Ask `worker` for `image` in `slot`. Its answer comes after those to earlier requests."""
    worker.send(json.dumps([slot, pack(image)]).encode())


def answer(worker: Helper, image: Location) -> str | None:
    """None if `image`'s pixels are in its slot, or the reason why it cannot be read."""
    frame = worker.receive()
    if frame is None:
        raise DataError(f"{image}: the process that decoded it died ({worker.exit_reason()})")
    reason: str | None = json.loads(frame)
    return reason


def _shared_memory(stack: ExitStack, slots: int, size: int) -> tuple[int, Pixels]:
    """A descriptor of memory without a file, and the memory as (slots, size, size, 3) uint8."""
    memory = os.memfd_create("levit-edge-pixels")
    stack.callback(os.close, memory)
    os.ftruncate(memory, slots * size * size * 3)
    return memory, np.frombuffer(mmap.mmap(memory, 0), np.uint8).reshape(slots, size, size, 3)
