"""Every int8 linear with the range of its input taken at run time: in ONNX Runtime that is more exact and no slower.

A static linear is QuantizeLinear and QGemm there, a dynamic one DynamicQuantizeLinear and MatMulIntegerToFloat.
Measured on the LeViT-128S stand-in (500 images): 40.9 -> 43.6 dB of logits; on a Cortex-A76 70.8 million instructions
instead of 71.5: the second kernel adds the bias while it scales, which pays for finding the range. Its activations are
unsigned, which costs ARM nothing there and is what x86-64 needs.

A shrinking attention's q, a strided 1×1 convolution, becomes what it is, a linear of every second token: ONNX Runtime
has no dynamic convolution, and the transposes around one go as well. (XNNPACK pays 1.7 times the instructions for
dynamic linears, so the `.pte` keeps static ones.)
"""

import math
from typing import cast

import torch
from torch.fx import GraphModule, Node

from levit_edge.quantize.export.onnx_dynamic import replace_linear

__all__ = ["make_linears_dynamic"]

_QUANTIZED = torch.ops.quantized_decomposed
_ATEN = torch.ops.aten


def make_linears_dynamic(graph: GraphModule) -> None:
    """Make static linears, and strided 1×1 convolutions, dynamic, in place."""
    for node in reversed(list(graph.graph.nodes)):  # a layer that reads another's rounded result must still see it
        source = _static_source(node)
        if source is None:
            continue
        if node.target is _ATEN.linear.default:
            _drop_rounding(node)
            replace_linear(graph, node, source)
        elif _is_subsample(node):
            _drop_rounding(node)
            _replace_subsample(graph, node, source)
    graph.graph.eliminate_dead_code()


def _static_source(node: Node) -> Node | None:
    """The float input of a layer that is quantized with a fixed range; None for every other node."""
    if node.target not in (_ATEN.linear.default, _ATEN.conv2d.default):
        return None
    dequantize = node.all_input_nodes[0]
    if dequantize.target is not _QUANTIZED.dequantize_per_tensor.default:
        return None
    return dequantize.all_input_nodes[0].all_input_nodes[0]


def _drop_rounding(layer: Node) -> None:
    for quantize in [user for user in layer.users if user.target is _QUANTIZED.quantize_per_tensor.default]:
        for dequantize in list(quantize.users):
            dequantize.replace_all_uses_with(layer)
            layer.graph.erase_node(dequantize)
        layer.graph.erase_node(quantize)


def _is_subsample(node: Node) -> bool:
    """Whether `node` is the convolution of `levit_edge.model.deploy.DeployShrinkingAttention`."""
    return node.all_input_nodes[0].all_input_nodes[0].all_input_nodes[0].target is _ATEN.permute.default


def _replace_subsample(graph: GraphModule, node: Node, grid: Node) -> None:
    """`grid`, (1, channels, height, width), comes from tokens, and the result goes back to them."""
    (reshape,) = grid.all_input_nodes
    (tokens,) = reshape.all_input_nodes
    (permute,) = node.users
    (result,) = permute.users
    index = torch.arange(math.prod(grid.meta["val"].shape[2:])).view(grid.meta["val"].shape[2:])
    rows, columns = cast(list[int], node.args[3])
    name, weight = f"{node.name}_tokens", str(node.all_input_nodes[1].all_input_nodes[0].target)
    graph.register_buffer(name, index[::rows, ::columns].flatten())
    setattr(graph, weight, graph.get_buffer(weight).flatten(1))
    with graph.graph.inserting_before(node):
        chosen = graph.graph.call_function(_ATEN.index_select.default, (tokens, 0, graph.graph.get_attr(name)))
    result.replace_all_uses_with(replace_linear(graph, node, chosen))
    for dropped in (result, permute):
        graph.graph.erase_node(dropped)
