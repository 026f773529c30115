"""The calibration images as tensors, as often as a step needs to see them."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from levit_edge.data.loader import Decoder, batches
from levit_edge.data.locations import Location
from levit_edge.data.options import DEFAULTS, ImageOptions
from levit_edge.data.preprocess import Preprocessing
from levit_edge.system.progress import Advance

__all__ = ["CalibrationImages"]

BATCH = 8
GOLDEN_IMAGES = 4


class CalibrationImages(Decoder):
    """Decodes the chosen images anew for every pass, so that memory does not grow with their number."""

    def __init__(
        self, images: Sequence[Location], preprocessing: Preprocessing, options: ImageOptions = DEFAULTS
    ) -> None:
        super().__init__(images, preprocessing, options)
        self._golden: list[NDArray[np.float32]] = []
        self.alike = True
        """Whether all images that were decoded so far are one and the same."""

    def tensors(self, advance: Advance) -> Iterator[Tensor]:
        """One pass: float32 (at most 8, 3, size, size) batches; `advance` hears of the images done."""
        for _, batch in batches(self, BATCH):
            self._golden.extend(batch[: max(0, GOLDEN_IMAGES - len(self._golden))])
            self.alike = self.alike and all(np.array_equal(image, self._golden[0]) for image in batch)
            yield torch.from_numpy(batch)
            advance(len(batch))

    @property
    def golden(self) -> NDArray[np.float32]:
        """The first images of the first pass: (at most 4, 3, size, size)."""
        return np.stack(self._golden)
