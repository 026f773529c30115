"""Weight scales, and rounding to nearest."""

import torch
from torch import Tensor

from levit_edge.quantize.ranges.affine import WEIGHT_MAX, LayerRanges
from levit_edge.quantize.schemes import Layer

__all__ = ["per_channel", "round_to_nearest", "weight_scales"]

LARGEST_BIAS = 2.0**30
"""Biases become int32 of scale input × weight; a channel of almost zero weights must not overflow them."""
SMALLEST_MULTIPLIER = 2.0**-30
"""Least input × weight / output scale: XNNPACK refuses less than 2⁻³². A channel below it cannot move its output by one
step, as its largest sum, 127 × 128 × 1024, is below 2²⁴."""


def weight_scales(layer: Layer, ranges: LayerRanges) -> Tensor:
    """One symmetric scale per output channel, float32 (outputs,): max |W| / 127, or more for a channel that is dead."""
    input_scale, output_scale = ranges.input.affine().scale, ranges.output.affine().scale
    scales = layer.weight.detach().flatten(1).abs().amax(1) / WEIGHT_MAX
    for_bias = layer.get_parameter("bias").detach().abs() / (input_scale * LARGEST_BIAS)
    return torch.maximum(scales, for_bias).clamp(min=SMALLEST_MULTIPLIER * output_scale / input_scale)


def round_to_nearest(weight: Tensor, scales: Tensor) -> Tensor:
    """`weight` after rounding to int8 and back, of the same shape; `scales` is (outputs,)."""
    scale = per_channel(scales, weight)
    return (weight / scale).round().clamp(-WEIGHT_MAX, WEIGHT_MAX) * scale


def per_channel(values: Tensor, weight: Tensor) -> Tensor:
    """(outputs,) `values` in a shape that broadcasts over `weight`, (outputs, …)."""
    return values.view(-1, *[1] * (weight.ndim - 1))
