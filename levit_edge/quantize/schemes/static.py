"""Static int8: the ranges of a layer's input and output are fixed by calibration."""

import torch
from torch import Tensor
from torch.fx import Node
from torchao.quantization.pt2e.quantizer import QuantizationAnnotation

from levit_edge.quantize.ranges.affine import INT8_MAX, INT8_MIN, LayerRanges, Range
from levit_edge.quantize.schemes.annotation import annotated, fixed_range, per_channel_weights

__all__ = ["annotation", "rounded_statically"]


def rounded_statically(values: Tensor, bounds: Range) -> Tensor:
    """Activations after rounding to int8 and back with the one scale and zero point of `bounds`; same shape."""
    affine = bounds.affine()
    return torch.fake_quantize_per_tensor_affine(values, affine.scale, affine.zero_point, INT8_MIN, INT8_MAX)


def annotation(layer: Node, ranges: LayerRanges, weight_scales: Tensor) -> QuantizationAnnotation:
    """Input, weights and output."""
    activation, weight = layer.args[:2]
    inputs = {activation: fixed_range(ranges.input), weight: per_channel_weights(weight_scales)}
    return annotated(inputs, fixed_range(ranges.output))
