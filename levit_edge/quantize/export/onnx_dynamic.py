"""Dynamic layers in the form that ONNX Runtime has kernels for.

A linear becomes DynamicQuantizeLinear, MatMulInteger and a rescaling, which ONNX Runtime fuses into one operator;
DynamicQuantizeLinear takes one range for the whole input, not one for each token. A convolution computes in float, with
the values of its int8 weights as float constants and the multiplication in front of it folded into them: ONNX Runtime's
fast convolution wants both (measured: 12 % of the network's time). It has no dynamic convolution but ConvInteger, whose
int32 result takes three more passes.
"""

from collections.abc import Callable
from typing import Any

import torch
from onnxscript import opset18 as op
from torch import Tensor
from torch.fx import GraphModule, Node

from levit_edge.quantize.schemes.dynamic import rounded_dynamically
from levit_edge.quantize.weights.weights import per_channel

__all__ = ["TRANSLATIONS", "replace_linear", "translate_dynamic_layers"]

_QUANTIZED = torch.ops.quantized_decomposed
_FLOAT = 1
"""`onnx.TensorProto.FLOAT`."""


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
    products = op.Cast(op.MatMulInteger(quantized, weight, zero_point), to=_FLOAT)
    return op.Add(op.Mul(products, op.Mul(scale, scales)), bias)


TRANSLATIONS: dict[Callable[..., Any], Callable[..., Any]] = {torch.ops.levit_edge.dynamic_linear.default: _translate}
"""For `torch.onnx.export(custom_translation_table=…)`."""


def translate_dynamic_layers(graph: GraphModule) -> None:
    """Give dynamic layers ONNX's form, in place."""
    for node in list(graph.graph.nodes):
        source = _dynamic_source(node)
        if source is None:
            continue
        if node.target is torch.ops.aten.linear.default:
            replace_linear(graph, node, source)
        else:
            _replace_convolution(graph, node, source)


def _dynamic_source(node: Node) -> Node | None:
    """The float input of a layer that is quantized at run time; None for every other node."""
    if node.target not in (torch.ops.aten.linear.default, torch.ops.aten.conv2d.default):
        return None
    dequantize = node.all_input_nodes[0]
    if dequantize.target is not _QUANTIZED.dequantize_per_tensor.tensor:
        return None
    quantize = dequantize.all_input_nodes[0]
    return quantize.all_input_nodes[0]


def _replace_convolution(graph: GraphModule, node: Node, source: Node) -> None:
    integers, scales = (graph.get_buffer(str(each.target)) for each in node.all_input_nodes[1].all_input_nodes[:2])
    weight = integers * per_channel(scales, integers)
    if source.target is torch.ops.aten.mul.Tensor:  # `levit_edge.model.deploy.ChannelScale`
        source, factors = source.all_input_nodes
        weight = weight * graph.get_buffer(str(factors.target))
    name = f"{node.name}_weight"
    graph.register_buffer(name, weight)
    with graph.graph.inserting_before(node):
        node.args = (source, graph.graph.get_attr(name), *node.args[2:])


def replace_linear(graph: GraphModule, node: Node, source: Node) -> Node:
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
