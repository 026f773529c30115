"""What computes in float in the ONNX file where XNNPACK wants int8: attention products, and results of static linears.

ONNX Runtime's fused attention and its float products take no int8. Its int8 linear, without the pair of quantize and
dequantize after it, becomes one QGemm that writes float, which is what every reader of a LeViT's linears (attention,
hardswish, additions) takes. That saves the pair, its rounding, and on x86-64 lets the float attention products keep
their fused transposes. Measured on the LeViT-128S stand-in, 500 images: 39.6 -> 41.1 dB; x86-64: 0.90 of the time.
"""

import torch
from torch.fx import GraphModule, Node

from levit_edge.quantize.quantizer import LAYER_OPERATORS, before_rounding

__all__ = ["make_outputs_float", "make_products_float"]


def make_products_float(graph: GraphModule) -> None:
    """Take out the roundings that neither come from a layer nor go into one, in place: only products ask for them."""
    for node in list(graph.graph.nodes):
        source = before_rounding(node)
        if source is not None and source.target not in LAYER_OPERATORS and not _feeds_layer(node):
            node.replace_all_uses_with(source)
    graph.graph.eliminate_dead_code()


def make_outputs_float(graph: GraphModule) -> None:
    """Let linears give float, in place.

    Convolutions keep their int8 results, as QLinearConv wants them, and so do linears that another layer reads, the
    projections of shrinking attentions: there one rounding serves both, and ONNX Runtime fuses no linear whose result
    goes both into a QuantizeLinear and elsewhere.
    """
    for linear in graph.graph.find_nodes(op="call_function", target=torch.ops.aten.linear.default):
        rounded = [reader for user in linear.users for reader in user.users if before_rounding(reader) is linear]
        if not any(_feeds_layer(node) for node in rounded):
            for node in rounded:
                node.replace_all_uses_with(linear)


def _feeds_layer(node: Node) -> bool:
    return any(reader.target in LAYER_OPERATORS for reader in node.users)
