"""The range whose quantized distribution is closest to the values' own.

Migacz, "8-bit Inference with TensorRT", GTC 2017, as onnxruntime and TensorRT calibrate with "entropy": for each
clipping, P is the histogram with what lies outside added to its ends, Q the same mass spread evenly over the occupied
bins of each of the 256 steps; the least Kullback-Leibler divergence Σ P log(P / Q) wins. There the clipping is
symmetric; here each side is also bound by what was seen, as everywhere in this package.
"""

import torch
from torch import Tensor

from levit_edge.quantize.calibration.histogram import Histogram
from levit_edge.quantize.ranges.affine import INT8_MAX, INT8_MIN, Range
from levit_edge.quantize.ranges.clipping import candidates

__all__ = ["least_entropy_range"]

STEPS = INT8_MAX - INT8_MIN + 1


def least_entropy_range(histogram: Histogram) -> Range:
    """Clip both sides at the magnitude with the least divergence; among equals, the widest."""
    occupied = histogram.counts > 0
    values, counts = histogram.centres[occupied], histogram.counts[occupied].double()
    return min(reversed(candidates(histogram)), key=lambda candidate: _divergence(values, counts, candidate))


def _divergence(values: Tensor, counts: Tensor, candidate: Range) -> float:
    """KL(P ‖ Q) in nats; infinite if the clipping leaves nothing inside."""
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
