"""Attention as one operator: ONNX's `Attention` (operator set 23) in place of the ten nodes that it is spelled out in.

ONNX Runtime's kernel reads q, k and v where the linears left them, starts its products from the attention bias instead
of adding it afterwards, and needs none of the transposes. Measured on LeViT-128S: x86-64 0.93 of the int8 network's
time, 0.95 of fp32's; a Cortex-A76 1.1 million instructions of 70 less. `com.microsoft.MultiHeadAttention` does the same
and is slower than the nodes it replaces (it transposes inside).

ONNX Runtime loads such files from version 1.23 on (tried: 1.22.1 refuses them when it loads them, 1.23.2, 1.24.1 and
1.31.1 take them); with static activations from 1.24 on, as 1.23 has no QuantizeLinear of operator set 23.
"""

from dataclasses import dataclass

import onnx
from onnx import helper, numpy_helper

from levit_edge.errors import QuantizationError

__all__ = ["ATTENTION_OPSET", "fuse_attention"]

ATTENTION_OPSET = 23


@dataclass(frozen=True, kw_only=True)
class _Core:
    """softmax(q kᵀ + bias) v in the graph, and the names of what goes in and comes out, all (tokens, channels)."""

    nodes: list[onnx.NodeProto]
    q: str
    k: str
    v: str
    bias: str
    result: str
    result_shape: str


def fuse_attention(model: onnx.ModelProto) -> None:
    """Fuse every attention core of `model` (one image at a time), in place, in operator set 23.

    No operator of a LeViT changed its meaning between 18, the exporter's set, and 23: they gained types and attributes.

    Raises:
        QuantizationError: an attention core does not look as the exporter is known to write it.
    """
    graph = model.graph
    producers = {output: node for node in graph.node for output in node.output}
    readers = {name: node for node in graph.node for name in node.input}
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    cores = [_core(node, producers, readers, shapes) for node in graph.node if node.op_type == "Softmax"]
    dropped = {node.output[0] for core in cores for node in core.nodes}
    fused = {core.nodes[-1].output[0]: _fused(graph, number, core, shapes) for number, core in enumerate(cores)}
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.output[0] not in dropped:
            nodes.append(node)
        nodes.extend(fused.get(node.output[0], []))
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("", ATTENTION_OPSET))
    model.ir_version = max(model.ir_version, helper.find_min_ir_version_for(model.opset_import))


def _core(
    softmax: onnx.NodeProto,
    producers: dict[str, onnx.NodeProto],
    readers: dict[str, onnx.NodeProto],
    shapes: dict[str, tuple[int, ...]],
) -> _Core:
    def before(name: str, operator: str) -> onnx.NodeProto:
        return _expect(producers.get(name), operator)

    def after(node: onnx.NodeProto, operator: str) -> onnx.NodeProto:
        return _expect(readers.get(node.output[0]), operator)

    def split_heads(name: str) -> tuple[str, list[onnx.NodeProto]]:
        transpose = before(name, "Transpose")
        reshape = before(transpose.input[0], "Reshape")
        return reshape.input[0], [reshape, transpose]

    add = before(softmax.input[0], "Add")
    scores = before(add.input[0], "MatMul")
    weighted = after(softmax, "MatMul")
    merged = after(weighted, "Transpose")
    result = after(merged, "Reshape")
    q, of_q = split_heads(scores.input[0])
    k, of_k = split_heads(scores.input[1])
    v, of_v = split_heads(weighted.input[1])
    if len(shapes.get(add.input[1], ())) != 3:
        raise QuantizationError("the attention bias in the ONNX graph is not a (heads, queries, keys) constant.")
    return _Core(
        nodes=[*of_q, *of_k, *of_v, scores, add, softmax, weighted, merged, result],
        q=q,
        k=k,
        v=v,
        bias=add.input[1],
        result=result.output[0],
        result_shape=result.input[1],
    )


def _expect(node: onnx.NodeProto | None, operator: str) -> onnx.NodeProto:
    if node is None or node.op_type != operator:
        raise QuantizationError(
            f"an attention in the exported ONNX graph has {node.op_type if node else 'nothing'} where {operator} was"
            " expected. Install the versions of levit-edge[quantize], or leave out --onnx-attention fused."
        )
    return node


def _fused(
    graph: onnx.GraphProto, number: int, core: _Core, shapes: dict[str, tuple[int, ...]]
) -> list[onnx.NodeProto]:
    heads, queries, keys = shapes[core.bias]
    prefix = f"attention_{number}"
    _unsqueeze(graph, core.bias)
    nodes = []
    for part, source, tokens in (("q", core.q, queries), ("k", core.k, keys), ("v", core.v, keys)):
        shape = f"{prefix}_{part}_shape"
        graph.initializer.append(helper.make_tensor(shape, onnx.TensorProto.INT64, [3], [1, tokens, -1]))
        nodes.append(helper.make_node("Reshape", [source, shape], [f"{prefix}_{part}"], name=f"{prefix}_{part}"))
    inputs = [f"{prefix}_{part}" for part in "qkv"] + [core.bias]
    attention = helper.make_node(
        "Attention", inputs, [f"{prefix}_out"], prefix, q_num_heads=heads, kv_num_heads=heads, scale=1.0
    )
    nodes.append(attention)
    last = helper.make_node("Reshape", [f"{prefix}_out", core.result_shape], [core.result], name=f"{prefix}_result")
    return [*nodes, last]


def _unsqueeze(graph: onnx.GraphProto, bias: str) -> None:
    """(heads, queries, keys) -> (1, heads, queries, keys): three dimensions would be one mask per image."""
    tensor = next(tensor for tensor in graph.initializer if tensor.name == bias)
    if len(tensor.dims) == 3:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor)[None], bias))
