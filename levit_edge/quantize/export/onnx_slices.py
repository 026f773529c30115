"""Slices of slices as one: PyTorch cuts one axis after the other, and ONNX Runtime copies what is left each time."""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

__all__ = ["merge_slices"]

PARTS = ("starts", "ends", "axes", "steps")


def merge_slices(graph: onnx.GraphProto) -> None:
    """Let a Slice that alone reads another, on other axes, do the work of both, in place; the other is left unread."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    producers = {output: node for node in graph.node for output in node.output}
    read = [name for node in graph.node for name in node.input]
    for node in graph.node:
        source = producers.get(node.input[0]) if node.op_type == "Slice" else None
        if source is None or source.op_type != "Slice" or read.count(source.output[0]) != 1:
            continue
        first, second = (_parameters(each, constants) for each in (source, node))
        if first is None or second is None or set(first[2]) & set(second[2]):
            continue
        merged = [
            numpy_helper.from_array(np.concatenate(pair), f"{node.output[0]}_{part}")
            for part, pair in zip(PARTS, zip(first, second, strict=True), strict=True)
        ]
        graph.initializer.extend(merged)
        constants |= {tensor.name: tensor for tensor in merged}
        node.input[:] = [source.input[0], *(tensor.name for tensor in merged)]


def _parameters(node: onnx.NodeProto, constants: dict[str, onnx.TensorProto]) -> list[NDArray[np.int64]] | None:
    """Starts, ends, axes and steps, where all are constants and axes are counted from the first."""
    names = node.input[1:]
    if len(names) != len(PARTS) or not all(name in constants for name in names):
        return None
    parts = [numpy_helper.to_array(constants[name]).astype(np.int64) for name in names]
    return None if (parts[PARTS.index("axes")] < 0).any() else parts
