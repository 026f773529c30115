"""Streaming histograms of activations, in constant memory."""

import torch
from torch import Tensor

from levit_edge.errors import QuantizationError
from levit_edge.quantize.ranges.affine import Range

__all__ = ["Histogram"]

BINS = 8192
"""Bins over [-limit, limit]: at least 8 for each of the 255 steps of any range that reaches beyond half the limit."""


class Histogram:
    """Counts of the values seen so far at `site`, which names them in messages, in constant memory.

    Bins are uniform over [-limit, limit]; `limit` is a power of two and doubles when a larger value comes, merging
    pairs of bins exactly, so that the result does not depend on how the values were split into updates.
    """

    def __init__(self, site: str = "") -> None:
        self.site = site
        self.minimum, self.maximum = float("inf"), float("-inf")
        self.limit = 2.0**-20
        self.counts = torch.zeros(BINS, dtype=torch.int64)

    def update(self, values: Tensor) -> None:
        """Add all of `values`, float32 of any shape.

        Raises:
            QuantizationError: a value is NaN or infinite.
        """
        low, high = _extremes(values, self.site)
        self.minimum, self.maximum = min(self.minimum, low), max(self.maximum, high)
        while self.limit < -low or self.limit <= high:  # bins have their lower edges, so that none has the limit itself
            self._double()
        self.counts += torch.histc(values, BINS, -self.limit, self.limit).long()

    def _double(self) -> None:
        merged = self.counts.view(-1, 2).sum(1)
        self.counts = torch.zeros_like(self.counts)
        self.counts[BINS // 4 : BINS // 4 + BINS // 2] = merged
        self.limit *= 2

    @property
    def seen(self) -> Range:
        """From the least to the largest value."""
        return Range(minimum=self.minimum, maximum=self.maximum)

    @property
    def centres(self) -> Tensor:
        """Middle of each bin, float64 (BINS,)."""
        width = 2 * self.limit / BINS
        return -self.limit + width * (torch.arange(BINS, dtype=torch.float64) + 0.5)

    def quantile(self, fraction: float) -> float:
        """The value below which `fraction` of the values lie, to the upper edge of its bin."""
        cumulative = self.counts.cumsum(0)
        position = int(torch.searchsorted(cumulative, int(fraction * int(cumulative[-1])), right=False))
        return -self.limit + (min(position, BINS - 1) + 1) * 2 * self.limit / BINS


def _extremes(values: Tensor, site: str) -> tuple[float, float]:
    """The least and the largest of the values seen at `site`.

    Raises:
        QuantizationError: a value is NaN or infinite.
    """
    low, high = (float(bound) for bound in torch.aminmax(values))
    if not (-float("inf") < low and high < float("inf")):
        raise QuantizationError(
            f"{site}: an activation is NaN or infinite (range {low} to {high}): the checkpoint or an image is not"
            " usable."
        )
    return low, high
