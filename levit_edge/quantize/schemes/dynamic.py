"""Dynamic int8: the range of a layer's input is taken at run time, its output is float."""

import torch
from torch import Tensor, nn
from torch.fx import Node
from torchao.quantization.pt2e import PlaceholderObserver
from torchao.quantization.pt2e.quantizer import QuantizationAnnotation, QuantizationSpec

from levit_edge.quantize.ranges.affine import INT8_MAX, INT8_MIN, LayerRanges
from levit_edge.quantize.schemes import Layer
from levit_edge.quantize.schemes.annotation import annotated, per_channel_weights

__all__ = ["annotation", "possible", "rounded_dynamically"]

_AT_RUN_TIME = QuantizationSpec(
    dtype=torch.int8,
    observer_or_fake_quant_ctr=PlaceholderObserver.with_args(eps=2**-12),
    quant_min=INT8_MIN,
    quant_max=INT8_MAX,
    qscheme=torch.per_tensor_affine,
    is_dynamic=True,
)
"""What the lowering to XNNPACK knows as an input whose range is taken at run time."""


def possible(name: str, layer: Layer) -> bool:
    """Linears and the stem; a shrinking attention's strided q is a convolution that XNNPACK takes only statically."""
    return isinstance(layer, nn.Linear) or name.startswith("stem.")


def rounded_dynamically(values: Tensor) -> Tensor:
    """Activations after rounding to int8 and back, as the runtimes' kernels do it.

    Each token, (tokens, channels), or image, (batch, channels, height, width), has its own scale and zero point.
    """
    own = tuple(range(1, values.ndim))
    low, high = values.amin(own, keepdim=True).clamp(max=0), values.amax(own, keepdim=True).clamp(min=0)
    scale = (high - low) / (INT8_MAX - INT8_MIN)
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    zero_point = (INT8_MIN - low / scale).round().clamp(INT8_MIN, INT8_MAX)
    steps = ((values / scale).round() + zero_point).clamp(INT8_MIN, INT8_MAX)
    return (steps - zero_point) * scale


def annotation(layer: Node, _ranges: LayerRanges, weight_scales: Tensor) -> QuantizationAnnotation:
    """Input and weights."""
    activation, weight = layer.args[:2]
    return annotated({activation: _AT_RUN_TIME, weight: per_channel_weights(weight_scales)}, None)
