"""The same quantized graph with float16 where it is in float: between the int8 layers, and as their results.

Attention's products, bias and softmax, hardswish, the residual stream, the stem's scaling and the conversions to and
from int8 take half the instructions in float16 on an ARM that has it (Cortex-A55, A75 and later), and the first
convolution no more than in int8. A pair of quantize and dequantize is the cast by itself: it may read one type and give
another. The head gives float32, as all files do.

Measured on the LeViT-128S stand-in: 38.5 million instructions on a Cortex-A76 instead of 47.3; see
docs/performance.md.
"""

from typing import Any

import torch
from torch.fx import GraphModule, Node

from levit_edge.quantize.export.float16_image import make_first_convolution_half
from levit_edge.quantize.export.graphs import copied, drop_unread
from levit_edge.quantize.quantizer import LAYER_OPERATORS, before_rounding

__all__ = ["float16_graph"]

_Q = torch.ops.quantized_decomposed
_DEQUANTIZE = (_Q.dequantize_per_tensor.default, _Q.dequantize_per_tensor.tensor, _Q.dequantize_per_channel.default)
_QUANTIZE = (_Q.quantize_per_tensor.default, _Q.quantize_per_tensor.tensor, _Q.choose_qparams.tensor)


def float16_graph(graph: GraphModule) -> GraphModule:
    """A copy of a quantized `graph`, float32 (1, 3, size, size) -> (1, classes), that is in float16 inside."""
    copy = copied(graph)
    make_first_convolution_half(copy)
    copy.graph.eliminate_dead_code()
    head = [node for node in copy.graph.nodes if node.target in LAYER_OPERATORS][-1]
    for node in list(copy.graph.nodes):
        if node.target in _DEQUANTIZE and not _belongs_to(head, node):
            node.kwargs = {**node.kwargs, "out_dtype": torch.float16}
        elif node.op == "get_attr" and head not in node.users and not _is_quantization(node):
            _make_constant_half(copy, node)
    _feed_head(head)
    copy.graph.eliminate_dead_code()
    drop_unread(copy)
    copy.recompile()
    return copy


def _belongs_to(head: Node, dequantize: Node) -> bool:
    """Whether it is an operand or the result of the head."""
    return head in dequantize.users or before_rounding(dequantize) is head


def _is_quantization(constant: Node) -> bool:
    """Whether the constant is int8 weights, or scales or zero points: these stay as they are."""
    return all(reader.target in _DEQUANTIZE for reader in constant.users)


def _make_constant_half(graph: GraphModule, node: Node) -> None:
    path, _, name = str(node.target).rpartition(".")
    owner: Any = graph.get_submodule(path)
    constant = getattr(owner, name).detach()
    delattr(owner, name)  # a parameter, in whose place no buffer of its name can be put
    owner.register_buffer(name, constant.half())


def _feed_head(head: Node) -> None:
    """Let the head read float32: XNNPACK takes no dynamic range of float16 for a float32 result.

    See `levit_edge.quantize.export.executorch`, which refuses such.
    """
    values = head.all_input_nodes[0]
    if before_rounding(values) is not None:
        return  # from a fixed range, which is the cast
    source = before_rounding(values, dynamic=True)
    if source is None:
        _cast(values, [head])
    else:
        _cast(source, [reader for reader in source.users if reader.target in _QUANTIZE])


def _cast(source: Node, readers: list[Node]) -> None:
    """Let `readers` read `source` in float32."""
    if readers:
        with source.graph.inserting_after(source):
            cast = source.graph.call_function(torch.ops.aten._to_copy.default, (source,), {"dtype": torch.float32})
        source.replace_all_uses_with(cast, delete_user_cb=lambda reader: reader in readers)
