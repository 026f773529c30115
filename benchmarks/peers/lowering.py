"""A peer's quantized graph -> `.pte`: as levit-edge exports, or with the stock partitioner where that refuses."""

import torch
from torch.fx import GraphModule

from levit_edge.errors import QuantizationError
from levit_edge.quantize.export.executorch import export_executorch

__all__ = ["lower", "lower_stock"]


def lower(graph: GraphModule, example: torch.Tensor) -> tuple[bytes, str]:
    """The bytes of the file, and how many delegates it has.

    `graph` takes `example`, float32 (1, 3, size, size).
    """
    try:
        return export_executorch(torch.export.export(graph, (example,), strict=True)), "one delegate"
    except QuantizationError:
        return lower_stock(torch.export.export(graph, (example,), strict=True))


def lower_stock(program: torch.export.ExportedProgram) -> tuple[bytes, str]:
    """The bytes of the file as the stock partitioner makes it, and how many delegates it has."""
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
    nodes = lowered.exported_program().graph.nodes
    calls = [str(node.target) for node in nodes if node.op == "call_function" and "getitem" not in str(node.target)]
    delegates = calls.count("executorch_call_delegate")
    note = f"{delegates} delegates, {len(calls) - delegates} operators outside them"
    return bytes(lowered.to_executorch().buffer), note
