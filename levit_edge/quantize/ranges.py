"""Activation ranges: streaming histograms, and the choice of scale and zero point from them.

Sources: affine quantization after Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", CVPR 2018, equation 1; min-max, percentile and mean-squared-error ranges after
Nagel et al., "A White Paper on Neural Network Quantization", arXiv 2106.08295, section 3.1.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from levit_edge.errors import QuantizationError
from levit_edge.quantize.recipe import RangeMethod, Recipe

__all__ = ["INT8_MAX", "INT8_MIN", "AffineParameters", "Histogram", "Range", "choose_range"]

INT8_MIN, INT8_MAX = -128, 127
BINS = 8192
"""Bins over [-limit, limit]: at least 8 for each of the 255 steps of any range that reaches beyond half the limit."""
SMALLEST_RANGE = 2.0**-30
"""Activations that never leave this are constantly zero, and any scale serves them: they get 1."""
MSE_CANDIDATES = 128


@dataclass(frozen=True, kw_only=True)
class AffineParameters:
    """real = scale × (int8 − zero_point)."""

    scale: float
    zero_point: int


@dataclass(frozen=True, kw_only=True)
class Range:
    """The closed interval of activations that int8 represents."""

    minimum: float
    maximum: float

    def affine(self) -> AffineParameters:
        """Asymmetric int8 parameters whose range holds zero exactly (padding is zero)."""
        low, high = min(self.minimum, 0.0), max(self.maximum, 0.0)
        scale = (high - low) / (INT8_MAX - INT8_MIN) if high - low > SMALLEST_RANGE else 1.0
        zero_point = round(INT8_MIN - low / scale)
        return AffineParameters(scale=scale, zero_point=min(max(zero_point, INT8_MIN), INT8_MAX))


class Histogram:
    """Counts of the values seen so far, in constant memory.

    Bins are uniform over [-limit, limit]; `limit` is a power of two and doubles when a larger value comes, merging
    pairs of bins exactly, so that the result does not depend on how the values were split into updates.
    """

    def __init__(self) -> None:
        self.minimum, self.maximum = float("inf"), float("-inf")
        self.limit = 2.0**-20
        self.counts = torch.zeros(BINS, dtype=torch.int64)

    def update(self, values: Tensor) -> None:
        """Add all of `values`, float32 of any shape.

        Raises:
            QuantizationError: a value is NaN or infinite.
        """
        low, high = (float(bound) for bound in torch.aminmax(values))
        if not (-float("inf") < low and high < float("inf")):
            raise QuantizationError("an activation is NaN or infinite: the checkpoint or an image is not usable.")
        self.minimum, self.maximum = min(self.minimum, low), max(self.maximum, high)
        while self.limit < max(-low, high):
            self._double()
        self.counts += torch.histc(values, BINS, -self.limit, self.limit).long()

    def _double(self) -> None:
        merged = self.counts.view(-1, 2).sum(1)
        self.counts = torch.zeros_like(self.counts)
        self.counts[BINS // 4 : BINS // 4 + BINS // 2] = merged
        self.limit *= 2

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


def choose_range(histogram: Histogram, recipe: Recipe) -> Range:
    """The range that `recipe` asks for; never wider than what was seen.

    Raises:
        QuantizationError: the histogram is empty.
    """
    if not histogram.counts.any():
        raise QuantizationError("no activations were seen: calibration needs at least one image.")
    match recipe.range_method:
        case RangeMethod.MINMAX:
            return Range(minimum=histogram.minimum, maximum=histogram.maximum)
        case RangeMethod.PERCENTILE:
            fraction = recipe.percentile / 100
            return _clipped(histogram, histogram.quantile(1 - fraction), histogram.quantile(fraction))
        case RangeMethod.MSE:
            return _least_squares_range(histogram)


def _clipped(histogram: Histogram, low: float, high: float) -> Range:
    return Range(minimum=max(histogram.minimum, low), maximum=min(histogram.maximum, high))


def _least_squares_range(histogram: Histogram) -> Range:
    """Clip both sides at the magnitude with the least mean squared quantization error."""
    largest = max(-histogram.minimum, histogram.maximum)
    candidates = [largest * step / MSE_CANDIDATES for step in range(MSE_CANDIDATES // 8, MSE_CANDIDATES + 1)]
    ranges = [_clipped(histogram, -limit, limit) for limit in candidates]
    occupied = histogram.counts > 0
    values, weights = histogram.centres[occupied], histogram.counts[occupied].double()
    return min(ranges, key=lambda candidate: _squared_error(values, weights, candidate))


def _squared_error(values: Tensor, weights: Tensor, candidate: Range) -> float:
    affine = candidate.affine()
    steps = (values / affine.scale).round() + affine.zero_point
    restored = (steps.clamp(INT8_MIN, INT8_MAX) - affine.zero_point) * affine.scale
    return float((weights * (restored - values).square()).sum())
