"""Attention products in float again: ONNX Runtime's fused attention and its float products take no int8."""

import torch
from torch.fx import GraphModule, Node

from levit_edge.quantize.quantizer import LAYER_OPERATORS

__all__ = ["make_products_float"]

_QUANTIZED = torch.ops.quantized_decomposed


def make_products_float(graph: GraphModule) -> None:
    """Take out the roundings that only products ask for, in place."""
    for node in list(graph.graph.nodes):
        if _between_products(node):
            node.replace_all_uses_with(node.all_input_nodes[0].all_input_nodes[0])
    graph.graph.eliminate_dead_code()


def _between_products(node: Node) -> bool:
    """Whether `node` ends a rounding that neither comes from a layer nor goes into one."""
    if node.target is not _QUANTIZED.dequantize_per_tensor.default:
        return False
    source = node.all_input_nodes[0].all_input_nodes[0]
    return source.target not in LAYER_OPERATORS and not any(reader.target in LAYER_OPERATORS for reader in node.users)
