"""Int8 layers with the range of their input taken at run time, in the form that ONNX Runtime has kernels for.

A dynamic linear becomes DynamicQuantizeLinear, MatMulInteger and a rescaling, which ONNX Runtime fuses into one
operator; DynamicQuantizeLinear takes one range for the whole input, not one for each token. A dynamic convolution
computes in float: see `levit_edge.quantize.export.onnx_stem`.

Static linears become dynamic too: that is more exact in ONNX Runtime and no slower. A static linear is QuantizeLinear
and QGemm there, a dynamic one DynamicQuantizeLinear and MatMulIntegerToFloat. Measured on the LeViT-128S stand-in (500
images): 40.9 -> 43.6 dB of logits; on a Cortex-A76 70.8 million instructions instead of 71.5: the second kernel adds
the bias while it scales, which pays for finding the range. Its activations are unsigned, which costs ARM nothing there
and is what x86-64 needs. (XNNPACK pays 1.7 times the instructions for dynamic linears, so the `.pte` keeps static
ones.)

A shrinking attention's q, a strided 1×1 convolution, becomes what it is, a linear of every second token: ONNX Runtime
has no dynamic convolution, and the transposes around one go as well.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

import torch
from onnx import TensorProto
from onnxscript import opset18 as op
from torch import Tensor, nn
from torch.fx import GraphModule, Node

from levit_edge.quantize.export.onnx_stem import replace_convolution
from levit_edge.quantize.quantizer import LAYER_OPERATORS, before_rounding
from levit_edge.quantize.schemes.dynamic import rounded_dynamically

__all__ = ["TRANSLATIONS", "make_linears_dynamic", "translate_dynamic_layers"]

_ATEN = torch.ops.aten


@torch.library.custom_op("levit_edge::dynamic_linear", mutates_args=())
def dynamic_linear(values: Tensor, weight: Tensor, scales: Tensor, bias: Tensor) -> Tensor:
    """Float (tokens, inputs) × int8 (inputs, outputs) with one dynamic range for all tokens -> (tokens, outputs)."""
    rounded: Tensor = rounded_dynamically(values.flatten()[None]).view_as(values)
    return rounded @ (weight * scales) + bias


@dynamic_linear.register_fake
def _(values: Tensor, weight: Tensor, scales: Tensor, bias: Tensor) -> Tensor:  # noqa: ARG001
    return values.new_empty(values.shape[0], weight.shape[1])


def _translate(values: Any, weight: Any, scales: Any, bias: Any) -> Any:
    quantized, scale, zero_point = op.DynamicQuantizeLinear(values)
    products = op.Cast(op.MatMulInteger(quantized, weight, zero_point), to=TensorProto.FLOAT)
    return op.Add(op.Mul(products, op.Mul(scale, scales)), bias)


TRANSLATIONS: dict[Callable[..., Any], Callable[..., Any]] = {torch.ops.levit_edge.dynamic_linear.default: _translate}
"""For `torch.onnx.export(custom_translation_table=…)`."""


def translate_dynamic_layers(graph: GraphModule, trained: nn.Module, *, half: bool) -> list[Node]:
    """Give dynamic layers ONNX's form, in place; returns the convolutions, in float with the weights of `trained`."""
    convolutions = []
    for node, source in _layers(list(graph.graph.nodes), dynamic=True):
        if node.target is _ATEN.linear.default:
            _replace_linear(graph, node, source)
        else:
            replace_convolution(graph, node, source, trained, half=half)
            convolutions.append(node)
    return convolutions


def make_linears_dynamic(graph: GraphModule) -> None:
    """Make static linears, and strided 1×1 convolutions, dynamic, in place."""
    backwards = reversed(list(graph.graph.nodes))  # a layer that reads another's rounded result must still see it
    for node, source in _layers(backwards, dynamic=False):
        if node.target is _ATEN.linear.default:
            _drop_rounding(node)
            _replace_linear(graph, node, source)
        elif source.target is _ATEN.permute.default:  # that of `levit_edge.model.deploy.DeployShrinkingAttention`
            _drop_rounding(node)
            _replace_subsample(graph, node, source)
    graph.graph.eliminate_dead_code()


def _layers(nodes: Iterable[Node], *, dynamic: bool) -> Iterator[tuple[Node, Node]]:
    """The layers that quantize their input, at run time or with a fixed range, each with that input in float."""
    for node in nodes:
        if node.target in LAYER_OPERATORS:
            source = before_rounding(node.all_input_nodes[0], dynamic=dynamic)
            if source is not None:
                yield node, source


def _drop_rounding(layer: Node) -> None:
    for rounded in [reader for user in layer.users for reader in user.users if before_rounding(reader) is layer]:
        rounded.replace_all_uses_with(layer)
    layer.graph.eliminate_dead_code()


def _replace_linear(graph: GraphModule, node: Node, source: Node) -> Node:
    """Replace `node`, a layer of (outputs, inputs) int8 weights, by a dynamic linear of `source`; returns that."""
    _, dequantize, bias = node.all_input_nodes
    weight, scales = dequantize.all_input_nodes[:2]
    transposed = f"{node.name}_weight"
    graph.register_buffer(transposed, graph.get_buffer(str(weight.target)).T.contiguous())
    with graph.graph.inserting_before(node):
        arguments = (source, graph.graph.get_attr(transposed), scales, bias)
        replacement = graph.graph.call_function(torch.ops.levit_edge.dynamic_linear.default, arguments)
    node.replace_all_uses_with(replacement)
    graph.graph.erase_node(node)
    return replacement


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
    result.replace_all_uses_with(_replace_linear(graph, node, chosen))
    for dropped in (result, permute):
        graph.graph.erase_node(dropped)
