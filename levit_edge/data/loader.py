"""Decodes many images, in order, in worker processes, so that the model and not the decoder is the limit."""

import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from itertools import islice
from typing import NamedTuple, Self

import numpy as np

from levit_edge.data.locations import Location, check_header_at
from levit_edge.data.options import DEFAULTS, ImageOptions
from levit_edge.data.pool import read_squares
from levit_edge.data.preprocess import FloatImage, Preprocessing, normalise
from levit_edge.device.image import decoding_fault
from levit_edge.device.small_files import usable_cores
from levit_edge.errors import DataError
from levit_edge.text import counted, listed

__all__ = [
    "LOOKED_AT",
    "BadImage",
    "Decoder",
    "are_squares",
    "batches",
    "check_headers",
    "default_workers",
    "refuse_bad_images",
]

MOST_WORKERS = 4  # by default; more rarely help, as the model needs cores too
FEWEST_IMAGES = 32  # fewer are decoded before workers have started
LOOKED_AT = 32
"""Images that tell whether all were made to size."""
LISTED = 10  # bad images named in a message


class BadImage(NamedTuple):
    """An image that cannot be read, and why."""

    path: Location
    reason: str


def default_workers(images: int) -> int:
    """How many worker processes to use for that many images: one per usable core, at most four; 0 for a few.

    Workers share memory by a call that only Linux has: elsewhere the answer is 0.
    """
    if sys.platform != "linux" or images < FEWEST_IMAGES:
        return 0
    return min(usable_cores(), MOST_WORKERS)


class Decoder:
    """Yields (index, (3, H, W) float32) for each image in order; use it in a `with` statement.

        with Decoder(image_set.images, preprocessing) as decoder:
            for index, image in decoder: ...

    Leaving the `with` ends the workers, also after an exception or Ctrl-C. Memory does not grow with the number
    of images. Of the options it takes `workers` and `skip_bad_images`.

    Images that cannot be read are not yielded; they are in `bad`. With `skip_bad_images` that is all, unless no
    image can be read. Without it, the iteration goes through all images and then ends in a DataError that lists
    the bad ones.

    Raises (while iterating):
        DataError: there are bad images, or a worker died; the image that it was on is named.
    """

    def __init__(
        self, images: Sequence[Location], preprocessing: Preprocessing, options: ImageOptions = DEFAULTS
    ) -> None:
        self.images = tuple(images)
        self.preprocessing = preprocessing
        self.workers = options.processes(default_workers(len(images)))
        self.skip_bad_images = options.skip_bad_images
        self.bad: list[BadImage] = []
        """The images of the last iteration that could not be read, so far."""
        self._running: Generator[tuple[int, FloatImage], None, None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[tuple[int, FloatImage]]:
        """Begin again at the first image; an iteration under way ends."""
        self.close()
        self.bad = []
        self._running = self._decode()
        return self._running

    def close(self) -> None:
        """End the workers, if any are running."""
        if self._running is not None:
            self._running.close()

    def _decode(self) -> Generator[tuple[int, FloatImage], None, None]:
        with closing(read_squares(self.images, self.preprocessing, self.workers)) as squares:
            for index, square in enumerate(squares):
                if isinstance(square, str):
                    self.bad.append(BadImage(self.images[index], square))
                else:
                    yield index, normalise(square, self.preprocessing)
        refuse_bad_images(self.bad, len(self.images), skip=self.skip_bad_images)


def are_squares(images: Sequence[Location], size: int) -> bool:
    """Whether the first of the images, as far as they can be read, all are `size` × `size`."""
    found = set()
    for location in images[:LOOKED_AT]:
        with suppress(DataError):
            found.add(check_header_at(location))
    return found == {(size, size)}


def check_headers(images: Sequence[Location], advance: Callable[[int], None]) -> None:
    """Refuse, before any long work, images that cannot be opened; damage behind the header is found by decoding only.

    Raises:
        DataError: it lists them.
    """
    bad = []
    for path in images:
        try:
            check_header_at(path)
        except DataError as error:
            bad.append(BadImage(path, decoding_fault(path, error)))
        advance(1)
    refuse_bad_images(bad, len(images), skip=False)


def refuse_bad_images(bad: Sequence[BadImage], images: int, *, skip: bool) -> None:
    """Refuse the `bad` ones of so many images, unless they may be skipped and some are left.

    Raises:
        DataError: it lists them.
    """
    if not bad or (skip and len(bad) < images):
        return
    advice = "remove or replace them"
    if len(bad) < images:
        advice += ", or leave them out with --skip-bad-images"
    lines = listed([f"{each.path}: {each.reason}" for each in bad], LISTED, between="\n  ", longest=4000)
    raise DataError(f"{len(bad)} of {counted(images, 'image')} cannot be read: {advice}\n  {lines}")


def batches(decoded: Iterable[tuple[int, FloatImage]], size: int) -> Iterator[tuple[tuple[int, ...], FloatImage]]:
    """Group what a `Decoder` yields: the indices, and (N, 3, H, W) float32 with N = `size`, or less at the end."""
    remaining = iter(decoded)
    while batch := tuple(islice(remaining, size)):
        indices, images = zip(*batch, strict=True)
        yield indices, np.stack(images)
