"""The stem's dynamic convolutions in ONNX files: in float, and in float16 where ARM has it.

ONNX Runtime has no dynamic convolution but ConvInteger, whose int32 result takes three more passes; its fast float one
wants constant weights, so that the multiplication in front is folded into them (measured: 12 % of the network's time).
Its float16 convolution takes half of the float32 one's instructions on an ARM that has float16, and elsewhere it takes
the conversions out or computes the same in float32. So for ARM there are casts around each but the first, which is
another matter (`levit_edge.quantize.export.onnx_phases`), and hardswish between them stays in float32: in float16 it is
scalar code, 40 times as slow. Not for others: on x86-64 versions before 1.23 do not give such convolutions their layout
of blocked channels, so that the network takes 10 % longer and rounds otherwise; in later ones it takes 1 % longer.

The weights are those that were trained: int8 ones would be no smaller and no faster here, and cost 1.4 dB.
"""

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node

from levit_edge.quantize.export.graphs import channel_factors
from levit_edge.quantize.quantizer import layer_name

__all__ = ["replace_convolution"]

_ATEN = torch.ops.aten


def replace_convolution(graph: GraphModule, node: Node, source: Node, trained: nn.Module, *, half: bool) -> None:
    """Let `node`, a dynamic convolution of the quantized graph, compute in float from `source`, in place.

    With the weights of `trained`, the same network in float; in float32, or in float16 if it is `half` and `source` is
    not the image.
    """
    layer = trained.get_submodule(layer_name(node))
    weight, bias = (layer.get_parameter(name).detach() for name in ("weight", "bias"))
    source, factors = _scaling(graph, source)
    weight = weight * factors
    if half and source.op != "placeholder":
        weight, bias = weight.half(), bias.half()
        with graph.graph.inserting_before(node):
            source = _cast(source, torch.float16)
        with graph.graph.inserting_after(node):
            result = _cast(node, torch.float32)
        node.replace_all_uses_with(result, delete_user_cb=lambda reader: reader is not result)
    constants = [_constant(graph, node, part, values) for part, values in (("weight", weight), ("bias", bias))]
    node.args = (source, *constants, *node.args[3:])


def _scaling(graph: GraphModule, source: Node) -> tuple[Node, Tensor | float]:
    """What `source` is times constant factors: of a `levit_edge.model.deploy.ChannelScale`, or 1."""
    if (found := channel_factors(graph, source)) is None:
        return source, 1.0
    values, factors = found
    return values, graph.get_buffer(str(factors.target))


def _cast(source: Node, dtype: torch.dtype) -> Node:
    return source.graph.call_function(_ATEN._to_copy.default, (source,), {"dtype": dtype})


def _constant(graph: GraphModule, node: Node, part: str, values: Tensor) -> Node:
    name = f"{node.name}_{part}"
    graph.register_buffer(name, values)
    with graph.graph.inserting_before(node):
        return graph.graph.get_attr(name)
