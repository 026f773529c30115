"""The range with the least mean squared quantization error.

Nagel et al., "A White Paper on Neural Network Quantization", arXiv 2106.08295, equation 15.
"""

from torch import Tensor

from levit_edge.quantize.calibration.histogram import Histogram
from levit_edge.quantize.ranges.affine import INT8_MAX, INT8_MIN, Range
from levit_edge.quantize.ranges.clipping import candidates

__all__ = ["least_squares_range"]


def least_squares_range(histogram: Histogram) -> Range:
    """Clip both sides at the magnitude with the least mean squared quantization error."""
    occupied = histogram.counts > 0
    values, weights = histogram.centres[occupied], histogram.counts[occupied].double()
    return min(candidates(histogram), key=lambda candidate: _squared_error(values, weights, candidate))


def _squared_error(values: Tensor, weights: Tensor, candidate: Range) -> float:
    affine = candidate.affine()
    steps = (values / affine.scale).round() + affine.zero_point
    restored = (steps.clamp(INT8_MIN, INT8_MAX) - affine.zero_point) * affine.scale
    return float((weights * (restored - values).square()).sum())
