"""Static linears whose result stays in float, in the form of the quantized graph that the ONNX file is made from.

XNNPACK wants int8 out of an int8 linear. ONNX Runtime does not: without the pair of quantize and dequantize after it, a
linear becomes one QGemm that writes float, which is what every reader of a LeViT's linears (attention, hardswish,
additions) takes. That saves the pair, its rounding, and on x86-64 lets the float attention products keep their fused
transposes. Measured on the LeViT-128S stand-in, 500 images: 39.6 -> 41.1 dB; x86-64: 0.90 of the time.
"""

import torch
from torch.fx import GraphModule, Node

__all__ = ["make_outputs_float"]

_LAYERS = (torch.ops.aten.linear.default, torch.ops.aten.conv2d.default)
_QUANTIZED = torch.ops.quantized_decomposed


def make_outputs_float(graph: GraphModule) -> None:
    """Let linears give float, in place.

    Convolutions keep their int8 results, as QLinearConv wants them, and so do linears that another layer reads, the
    projections of shrinking attentions: there one rounding serves both, and ONNX Runtime fuses no linear whose result
    goes both into a QuantizeLinear and elsewhere.
    """
    for linear in graph.graph.find_nodes(op="call_function", target=torch.ops.aten.linear.default):
        dequantizers = _rounded_results(linear)
        if not any(user.target in _LAYERS for dequantize in dequantizers for user in dequantize.users):
            for dequantize in dequantizers:
                dequantize.replace_all_uses_with(linear)


def _rounded_results(linear: Node) -> list[Node]:
    """The nodes that hold `linear`'s result after rounding."""
    quantizers = [user for user in linear.users if user.target is _QUANTIZED.quantize_per_tensor.default]
    readers = [user for quantize in quantizers for user in quantize.users]
    return [reader for reader in readers if reader.target is _QUANTIZED.dequantize_per_tensor.default]
