"""The stem's dynamic convolutions in ONNX files: in float, and in float16 where ARM has it.

ONNX Runtime has no dynamic convolution but ConvInteger, whose int32 result takes three more passes; its fast float one
wants constant weights, so that the multiplication in front is folded into them (measured: 12 % of the network's time).
Its float16 convolution takes half of the float32 one's instructions on an ARM that has float16, and elsewhere it takes
the conversions out or computes the same in float32. So there are casts around each but the first, whose three channels
it computes slower in float16, and hardswish between them stays in float32: in float16 it is scalar code, 40 times as
slow. Measured on the LeViT-128S stand-in: 60.4 million instructions on a Cortex-A76 instead of 70.8.

Such convolutions have the weights that were trained: int8 ones would be no smaller and no faster here, and cost 1.4 dB.
"""

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node

from levit_edge.quantize.quantizer import layer_name
from levit_edge.quantize.weights.weights import per_channel

__all__ = ["replace_convolution"]

_ATEN = torch.ops.aten


def replace_convolution(graph: GraphModule, node: Node, source: Node, trained: nn.Module | None) -> None:
    """Let `node`, a dynamic convolution of the quantized graph, compute in float from `source`, in place.

    In float32 with the values of its int8 weights; or with the weights of `trained`, the same network in float, and in
    float16 if `source` is not the image.
    """
    if trained is None:
        source, factors = _scaling(graph, source)
        _write(graph, node, source, _int8_values(graph, node) * factors)
        return
    layer = trained.get_submodule(layer_name(node))
    weight, bias = (layer.get_parameter(name).detach() for name in ("weight", "bias"))
    source, factors = _scaling(graph, source)
    weight = weight * factors
    if source.op != "placeholder":
        weight, bias = weight.half(), bias.half()
        with graph.graph.inserting_before(node):
            source = _cast(source, torch.float16)
        with graph.graph.inserting_after(node):
            result = _cast(node, torch.float32)
        node.replace_all_uses_with(result, delete_user_cb=lambda reader: reader is not result)
    _write(graph, node, source, weight, bias)


def _scaling(graph: GraphModule, source: Node) -> tuple[Node, Tensor | float]:
    """What `source` is times constant factors: of a `levit_edge.model.deploy.ChannelScale`, or 1."""
    if source.target is not _ATEN.mul.Tensor:
        return source, 1.0
    values, factors = source.all_input_nodes
    return values, graph.get_buffer(str(factors.target))


def _int8_values(graph: GraphModule, node: Node) -> Tensor:
    integers, scales = (graph.get_buffer(str(each.target)) for each in node.all_input_nodes[1].all_input_nodes[:2])
    return integers * per_channel(scales, integers)


def _cast(source: Node, dtype: torch.dtype) -> Node:
    return source.graph.call_function(_ATEN._to_copy.default, (source,), {"dtype": dtype})


def _write(graph: GraphModule, node: Node, source: Node, weight: Tensor, bias: Tensor | None = None) -> None:
    """Give `node` its input and its constants; without a `bias` it keeps its own."""
    given = _constant(graph, node, "weight", weight)
    kept = node.args[2] if bias is None else _constant(graph, node, "bias", bias)
    node.args = (source, given, kept, *node.args[3:])


def _constant(graph: GraphModule, node: Node, part: str, values: Tensor) -> Node:
    name = f"{node.name}_{part}"
    graph.register_buffer(name, values)
    with graph.graph.inserting_before(node):
        return graph.graph.get_attr(name)
