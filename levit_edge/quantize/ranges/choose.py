"""The choice of an activation's range from its histogram.

Percentiles, clipping and squared errors after Nagel et al., "A White Paper on Neural Network Quantization", arXiv
2106.08295, section 3.1 and equation 15; entropy after Migacz, "8-bit Inference with TensorRT", GTC 2017.
"""

import torch
from torch import Tensor

from levit_edge.bundle.recipe import RangeMethod, Recipe
from levit_edge.errors import QuantizationError
from levit_edge.quantize.calibration.histogram import Histogram
from levit_edge.quantize.ranges.affine import INT8_MAX, INT8_MIN, Range

__all__ = ["choose_range"]

CANDIDATES = 128
STEPS = INT8_MAX - INT8_MIN + 1


def choose_range(histogram: Histogram, recipe: Recipe) -> Range:
    """The range that `recipe` asks for; never wider than what was seen.

    Raises:
        QuantizationError: the histogram is empty.
    """
    occupied = histogram.counts > 0
    if not occupied.any():
        raise QuantizationError("no activations were seen: calibration needs at least one image.")
    values, counts = histogram.centres[occupied], histogram.counts[occupied].double()
    match recipe.range_method:
        case RangeMethod.MINMAX:
            return histogram.seen
        case RangeMethod.PERCENTILE:
            fraction = recipe.percentile / 100
            return _clipped(histogram, histogram.quantile(1 - fraction), histogram.quantile(fraction))
        case RangeMethod.MSE:
            return min(_candidates(histogram), key=lambda candidate: _squared_error(values, counts, candidate))
        case RangeMethod.ENTROPY:  # among equals, the widest
            widest_first = reversed(_candidates(histogram))
            return min(widest_first, key=lambda candidate: _divergence(values, counts, candidate))


def _clipped(histogram: Histogram, low: float, high: float) -> Range:
    return Range(minimum=max(histogram.minimum, low), maximum=min(histogram.maximum, high))


def _candidates(histogram: Histogram) -> list[Range]:
    """Both sides clipped at the same magnitude, from an eighth of the largest one seen up to all of it."""
    largest = max(-histogram.minimum, histogram.maximum)
    limits = [largest * step / CANDIDATES for step in range(CANDIDATES // 8, CANDIDATES + 1)]
    return [_clipped(histogram, -limit, limit) for limit in limits]


def _squared_error(values: Tensor, counts: Tensor, candidate: Range) -> float:
    affine = candidate.affine()
    steps = (values / affine.scale).round() + affine.zero_point
    restored = (steps.clamp(INT8_MIN, INT8_MAX) - affine.zero_point) * affine.scale
    return float((counts * (restored - values).square()).sum())


def _divergence(values: Tensor, counts: Tensor, candidate: Range) -> float:
    """The Kullback-Leibler divergence Σ P log(P / Q) in nats; infinite if the clipping leaves nothing inside.

    As onnxruntime and TensorRT calibrate with "entropy": P is the histogram with what lies outside added to its ends, Q
    the same mass spread evenly over the occupied bins of each of the 256 steps. There the clipping is symmetric; here
    each side is also bound by what was seen, as everywhere in this package.
    """
    affine = candidate.affine()
    steps = ((values / affine.scale).round() + affine.zero_point).long()
    inside = (steps >= INT8_MIN) & (steps <= INT8_MAX)
    if not inside.any():
        return float("inf")
    kept, positions = counts[inside], steps[inside] - INT8_MIN
    mass = torch.zeros(STEPS, dtype=torch.float64).index_add_(0, positions, kept)
    bins = torch.zeros(STEPS, dtype=torch.float64).index_add_(0, positions, torch.ones_like(kept))
    q = (mass / bins.clamp(min=1))[positions] / kept.sum()
    p = kept.clone()
    p[0] += counts[steps < INT8_MIN].sum()
    p[-1] += counts[steps > INT8_MAX].sum()
    p /= p.sum()
    return float((p * (p / q).log()).sum())
