"""Activations after rounding to int8 and back, as the runtimes' kernels round them."""

import torch
from torch import Tensor

from levit_edge.quantize.ranges.affine import INT8_MAX, INT8_MIN, Range

__all__ = ["rounded_dynamically", "rounded_statically"]


def rounded_statically(values: Tensor, bounds: Range) -> Tensor:
    """With the one scale and zero point of `bounds`; same shape."""
    affine = bounds.affine()
    return torch.fake_quantize_per_tensor_affine(values, affine.scale, affine.zero_point, INT8_MIN, INT8_MAX)


def rounded_dynamically(values: Tensor) -> Tensor:
    """With a scale and zero point for each token, (tokens, channels), or image, (batch, channels, height, width)."""
    own = tuple(range(1, values.ndim))
    low, high = values.amin(own, keepdim=True).clamp(max=0), values.amax(own, keepdim=True).clamp(min=0)
    scale = (high - low) / (INT8_MAX - INT8_MIN)
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    zero_point = (INT8_MIN - low / scale).round().clamp(INT8_MIN, INT8_MAX)
    steps = ((values / scale).round() + zero_point).clamp(INT8_MIN, INT8_MAX)
    return (steps - zero_point) * scale
