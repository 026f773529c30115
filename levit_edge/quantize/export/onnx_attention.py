"""Attention as one operator: ONNX's `Attention` (operator set 23) in place of the ten nodes that it is spelled out in.

ONNX Runtime's kernel reads q, k and v where the linears left them, starts its products from the attention bias instead
of adding it afterwards, and needs none of the transposes. Measured on LeViT-128S: x86-64 0.93 of the int8 network's
time, 0.95 of fp32's; a Cortex-A76 1.1 million instructions of 70 less. `com.microsoft.MultiHeadAttention` does the same
and is slower than the nodes it replaces (it transposes inside).

Which versions of ONNX Runtime load such files: `levit_edge.device.oldest`.
"""

import onnx
from onnx import helper, numpy_helper

from levit_edge.errors import QuantizationError

__all__ = ["fuse_attention"]

ATTENTION_OPSET = 23


def fuse_attention(model: onnx.ModelProto) -> None:
    """Fuse every attention core of `model` (one image at a time), in place, in operator set 23.

    What nothing reads any more is left in the graph. No operator of a LeViT changed its meaning between 18, the
    exporter's set, and 23: they gained types and attributes.

    Raises:
        QuantizationError: an attention core does not look as the exporter is known to write it.
    """
    graph = model.graph
    producers = {output: node for node in graph.node for output in node.output}
    readers = {name: node for node in graph.node for name in node.input}
    softmaxes = [node for node in graph.node if node.op_type == "Softmax"]
    fused = dict(_fused(graph, number, node, producers, readers) for number, node in enumerate(softmaxes))
    nodes = [each for node in graph.node for each in fused.get(node.output[0], [node])]
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)
    del model.opset_import[:]
    model.opset_import.append(helper.make_opsetid("", ATTENTION_OPSET))


def _fused(
    graph: onnx.GraphProto,
    number: int,
    softmax: onnx.NodeProto,
    producers: dict[str, onnx.NodeProto],
    readers: dict[str, onnx.NodeProto],
) -> tuple[str, list[onnx.NodeProto]]:
    """The result of softmax(q kᵀ + bias) v, (tokens, channels), and nodes that give it."""
    add = _expect(producers.get(softmax.input[0]), "Add")
    scores = _expect(producers.get(add.input[0]), "MatMul")
    weighted = _expect(readers.get(softmax.output[0]), "MatMul")
    merged = _expect(readers.get(weighted.output[0]), "Transpose")
    result = _expect(readers.get(merged.output[0]), "Reshape")
    heads, queries, keys = _unsqueezed_bias(graph, add.input[1])
    name = f"attention_{number}"
    nodes = []
    operands = {"q": (scores.input[0], queries), "k": (scores.input[1], keys), "v": (weighted.input[1], keys)}
    for part, (operand, tokens) in operands.items():
        transposed = _expect(producers.get(operand), "Transpose")
        source = _expect(producers.get(transposed.input[0]), "Reshape").input[0]
        shape = f"{name}_{part}_shape"
        graph.initializer.append(helper.make_tensor(shape, onnx.TensorProto.INT64, [3], [1, tokens, -1]))
        nodes.append(helper.make_node("Reshape", [source, shape], [f"{name}_{part}"], f"{name}_{part}"))
    inputs = [*(node.output[0] for node in nodes), add.input[1]]
    attention = helper.make_node(
        "Attention", inputs, [f"{name}_out"], name, q_num_heads=heads, kv_num_heads=heads, scale=1.0
    )
    last = helper.make_node("Reshape", [f"{name}_out", result.input[1]], result.output, f"{name}_result")
    return result.output[0], [*nodes, attention, last]


def _expect(node: onnx.NodeProto | None, operator: str) -> onnx.NodeProto:
    if node is None or node.op_type != operator:
        raise QuantizationError(
            f"an attention in the exported ONNX graph has {node.op_type if node else 'nothing'} where {operator} was"
            " expected. Install the versions of levit-edge[quantize], or leave out --onnx-attention fused."
        )
    return node


def _unsqueezed_bias(graph: onnx.GraphProto, name: str) -> list[int]:
    """(heads, queries, keys), of a bias that is (1, heads, queries, keys): three would be one mask per image."""
    tensor = next((tensor for tensor in graph.initializer if tensor.name == name), None)
    if tensor is None or len(tensor.dims) not in {3, 4}:  # 4: another attention has the same constant
        raise QuantizationError("the attention bias in the ONNX graph is not a (heads, queries, keys) constant.")
    if len(tensor.dims) == 3:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor)[None], name))
    return list(tensor.dims[1:])
