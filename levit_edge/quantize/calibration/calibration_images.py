"""The calibration images as tensors, as often as a step needs to see them."""

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from levit_edge.data.loader import BadImage, Decoder, batches
from levit_edge.data.locations import Location
from levit_edge.data.options import DEFAULTS, ImageOptions
from levit_edge.data.preprocess import Preprocessing
from levit_edge.system.progress import Advance

__all__ = ["CalibrationImages"]

BATCH = 8
GOLDEN_IMAGES = 4


class CalibrationImages:
    """Decodes the chosen images anew for every pass, so that memory does not grow with their number.

    Use it in a `with` statement: leaving it ends the decoding processes.
    """

    def __init__(
        self, images: Sequence[Location], preprocessing: Preprocessing, options: ImageOptions = DEFAULTS
    ) -> None:
        self._decoder = Decoder(images, preprocessing, options)
        self._golden: list[NDArray[np.float32]] = []
        self.alike = True
        """Whether all images that were decoded so far are one and the same."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._decoder.close()

    def __len__(self) -> int:
        return len(self._decoder)

    def tensors(self, advance: Advance) -> Iterator[Tensor]:
        """One pass: float32 (at most 8, 3, size, size) batches; `advance` hears of the images done."""
        for _, batch in batches(self._decoder, BATCH):
            self._golden.extend(batch[: max(0, GOLDEN_IMAGES - len(self._golden))])
            self.alike = self.alike and all(np.array_equal(image, self._golden[0]) for image in batch)
            yield torch.from_numpy(batch)
            advance(len(batch))

    @property
    def bad(self) -> tuple[BadImage, ...]:
        """Those that the last pass could not read."""
        return tuple(self._decoder.bad)

    @property
    def golden(self) -> NDArray[np.float32]:
        """The first images of the first pass: (at most 4, 3, size, size)."""
        return np.stack(self._golden)
