"""Operators find their blocks: in a small graph as the exporter connects it, and in files that it made."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import onnx
import pytest
from onnx import TensorProto, helper

from levit_edge.runtime.inspect.blocks import Blocks, block_names
from tests.conftest import colour_classifier
from tests.faults.tiny_levit import SMALL, TINY

BLOCKS = (
    "stem", "stage 1 attention", "stage 1 MLP", "shrinking attention 1", "stage 2 MLP", "shrinking attention 2",
    "stage 3 MLP", "head",
)  # fmt: skip
Nodes = list[onnx.NodeProto]


def test_the_names_are_in_the_order_of_the_network() -> None:
    assert tuple(block_names(TINY)) == BLOCKS
    assert block_names(replace(SMALL, depths=(1, 2, 1)))[3:9] == [
        "shrinking attention 1", "stage 2 MLP", "stage 2 attention", "stage 2 MLP", "stage 2 attention", "stage 2 MLP",
    ]  # fmt: skip


def chain(nodes: Nodes, operators: Sequence[str], begin: str, name: str) -> str:
    """Append operators that read one another; the result's name."""
    for place, operator in enumerate(operators):
        result = f"{name}_{place}"
        nodes.append(helper.make_node(operator, [begin, *(["weight"] if operator == "Gemm" else [])], [result]))
        nodes[-1].name = f"node_{result}"
        begin = result
    return begin


def network(*, quantized: bool = False) -> Nodes:
    """TINY's blocks, in which an attention is a Gemm and a Softmax; `quantized` streams are dequantized twice."""
    nodes: Nodes = []
    stream = chain(nodes, ("Conv", "HardSwish", "Transpose"), "image", "s")
    for number, name in enumerate(BLOCKS[1:-1]):
        ways = [stream, stream]
        if quantized:
            stored = chain(nodes, ("QuantizeLinear",), stream, f"q{number}")
            sides = "a" if name.startswith("shrinking") else "ab"
            ways = [chain(nodes, ("DequantizeLinear",), stored, f"d{number}{side}") for side in sides]
        made = chain(nodes, ("Gemm", "HardSwish" if name.endswith("MLP") else "Softmax", "Gemm"), ways[0], f"b{number}")
        stream = made
        if not name.startswith("shrinking"):
            stream = f"x{number}"
            nodes.append(helper.make_node("Add", [ways[-1], made], [stream], f"node_{stream}"))
    nodes.append(
        helper.make_node("Add", [chain(nodes, ("ReduceMean", "Gemm"), stream, "h"), "weight"], ["logits"], "last")
    )
    return nodes


def blocks_of(nodes: Nodes) -> Blocks | None:
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, [1])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1])
    weight = helper.make_tensor("weight", TensorProto.FLOAT, [1], [1.0])
    graph = helper.make_graph(nodes, "network", [image], [logits], [weight])
    return Blocks.of(helper.make_model(graph).SerializeToString(), TINY)


@pytest.mark.parametrize("quantized", [False, True])
def test_additions_of_the_stream_cut_the_network(quantized: bool) -> None:
    nodes = network(quantized=quantized)
    blocks = blocks_of(nodes)
    assert blocks is not None
    found = [blocks.by_name[node.name] for node in nodes]
    assert list(dict.fromkeys(found)) == list(BLOCKS)
    assert [block for block, before in zip(found, ["", *found], strict=False) if block != before] == list(BLOCKS)
    counts = Counter((blocks.by_name[node.name], node.op_type) for node in nodes)
    assert {block for block, operator in counts if operator == "Softmax"} == {each for each in BLOCKS if "att" in each}
    assert {block: count for (block, operator), count in counts.items() if operator == "Add"} == {
        "stage 1 attention": 1, "stage 1 MLP": 1, "stage 2 MLP": 1, "stage 3 MLP": 1, "head": 1,
    }  # fmt: skip


def test_what_a_runtime_made_of_them_finds_its_block() -> None:
    blocks = blocks_of(network())
    assert blocks is not None
    executed = [
        ("ReorderInput", "ReorderInput"),  # inserted, before all
        ("s_0_nchwc", "Conv"),  # named after a result
        ("ReorderOutput_token_3", "ReorderOutput"),  # inserted, within
        ("node_b0_0/MatmulTransposeFusion/", "FusedMatMul"),  # named after an operator
        ("HardSigmoid_179", "HardSigmoid"),
        ("node_x0", "Add"),
        ("Mul_180", "Mul"),  # between two blocks
        ("Transpose", "Transpose"),  # between two blocks, for what follows
        ("node_b1_0", "Gemm"),
    ]
    assert blocks.of_executed(executed) == ["stem"] * 3 + ["stage 1 attention"] * 4 + ["stage 1 MLP"] * 2
    assert blocks.of_executed([("s_10", "Conv")]) == [""]  # not `s_1`


def test_another_network_has_none() -> None:
    import numpy as np

    assert Blocks.of(colour_classifier(np.eye(3)), TINY) is None
    assert Blocks.of(b"no model", TINY) is None
    assert blocks_of(network()[:-6]) is None
    assert blocks_of(network()[::-1]) is None
