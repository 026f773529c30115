"""Attention products in float again: ONNX Runtime's fused attention and its float products take no int8."""

import torch
from torch.fx import GraphModule, Node

from levit_edge.quantize.export.program import copied
from levit_edge.quantize.quantizer import LAYER_OPERATORS

__all__ = ["with_float_products"]

_QUANTIZED = torch.ops.quantized_decomposed


def with_float_products(graph: GraphModule) -> GraphModule:
    """`graph` itself if it has no int8 product, else a copy without the roundings that only products ask for."""
    if not any(_between_products(node) for node in graph.graph.nodes):
        return graph
    copy = copied(graph)
    for node in list(copy.graph.nodes):
        if _between_products(node):
            node.replace_all_uses_with(node.all_input_nodes[0].all_input_nodes[0])
    copy.graph.eliminate_dead_code()
    copy.recompile()
    return copy


def _between_products(node: Node) -> bool:
    """Whether `node` ends a rounding that neither comes from a layer nor goes into one."""
    if node.target is not _QUANTIZED.dequantize_per_tensor.default:
        return False
    source = node.all_input_nodes[0].all_input_nodes[0]
    return source.target not in LAYER_OPERATORS and not any(reader.target in LAYER_OPERATORS for reader in node.users)
