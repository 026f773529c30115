"""Clipped ranges, and those that a search tries.

Percentiles and clipping after Nagel et al., "A White Paper on Neural Network Quantization", arXiv 2106.08295,
section 3.1.
"""

from levit_edge.quantize.calibration.histogram import Histogram
from levit_edge.quantize.ranges.affine import Range

__all__ = ["candidates", "clipped"]

CANDIDATES = 128


def clipped(histogram: Histogram, low: float, high: float) -> Range:
    """[low, high], but not wider than what was seen."""
    return Range(minimum=max(histogram.minimum, low), maximum=min(histogram.maximum, high))


def candidates(histogram: Histogram) -> list[Range]:
    """Both sides clipped at the same magnitude, from an eighth of the largest one seen up to all of it."""
    largest = max(-histogram.minimum, histogram.maximum)
    limits = [largest * step / CANDIDATES for step in range(CANDIDATES // 8, CANDIDATES + 1)]
    return [clipped(histogram, -limit, limit) for limit in limits]
