"""A peer's quantized graph -> `.pte`, with ExecuTorch's partitioner as it comes.

levit-edge's own export rewrites what it knows of its own graphs, and XNNPACK refuses what that makes of NNCF's.
"""

import torch

__all__ = ["lower"]


def lower(program: torch.export.ExportedProgram) -> tuple[bytes, str]:
    """The bytes of the file, and how many delegates it has."""
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
    nodes = lowered.exported_program().graph.nodes
    calls = [str(node.target) for node in nodes if node.op == "call_function" and "getitem" not in str(node.target)]
    delegates = calls.count("executorch_call_delegate")
    note = f"{delegates} delegates, {len(calls) - delegates} operators outside them"
    return bytes(lowered.to_executorch().buffer), note
