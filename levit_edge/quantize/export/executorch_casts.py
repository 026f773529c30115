"""What ExecuTorch's Python side needs to put casts between float16 and float32 into an XNNPACK delegate.

The format of delegates and the runtime have the operator, `XNNConvert`. In ExecuTorch 1.4 and 1.5 three pieces of the
export stand in its way, each with a replacement here: the partitioner's configuration of copies leaves those that
change the type outside, the visitor of copies writes a transpose of images for each, and the pass that removes
redundant copies takes two neighbours in the same memory format for that. `tests/quantize/test_executorch_casts.py`
says when a newer ExecuTorch does one of the three by itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from executorch.backends.xnnpack import _passes, operators  # noqa: F401 - the second fills the visitors' dictionary
from executorch.backends.xnnpack._passes.remove_redundant_copy_pass import RemoveRedundantCopyPass
from executorch.backends.xnnpack.operators.node_visitor import _node_visitor_dict
from executorch.backends.xnnpack.partition.config.generic_node_configs import ToDimOrderCopyConfig
from executorch.backends.xnnpack.serialization.xnnpack_graph_schema import XNNConvert, XNNGraph, XNode
from executorch.exir.dialects._ops import ops as exir_ops
from torch.export import ExportedProgram
from torch.fx import Graph, Node

__all__ = ["Cast", "casts_in_delegates"]

WRITER = "aten._to_copy.default"
FLOATS = {torch.float16, torch.float32}
COPIES = (exir_ops.edge.aten._to_copy.default, exir_ops.edge.dim_order_ops._to_dim_order_copy.default)
"""One becomes the other in the backend."""


def is_cast(node: Node) -> bool:
    """Whether `node`, of a lowered program, is a copy that changes the type between float16 and float32 alone."""
    if node.target not in COPIES:
        return False
    source, result = node.all_input_nodes[0].meta["val"], node.meta["val"]
    return {source.dtype, result.dtype} == FLOATS and source.dim_order() == result.dim_order()


class Cast(ToDimOrderCopyConfig):  # type: ignore[misc]
    """Takes casts into the delegate as well."""

    def check_constraints(self, node: Node, ep: ExportedProgram) -> bool:
        """Whether the copy can be part of a delegate."""
        return is_cast(node) or bool(super().check_constraints(node, ep))


class WriteCast(_node_visitor_dict[WRITER]):  # type: ignore[misc]
    """Writes `XNNConvert` for a cast."""

    def define_node(self, node: Node, xnn_graph: XNNGraph, vals_to_ids: dict[Node, int], debug_handle: int) -> None:
        """Append the copy to the delegate's graph."""
        if not is_cast(node):
            super().define_node(node, xnn_graph, vals_to_ids, debug_handle)
            return
        (source,) = node.all_input_nodes
        for tensor in (source, node):
            self.define_tensor(tensor, xnn_graph, vals_to_ids)
        convert = XNNConvert(input_id=vals_to_ids[source], output_id=vals_to_ids[node], flags=0)
        xnn_graph.xnodes.append(XNode(xnode_union=convert, debug_handle=debug_handle))


class KeepCasts(RemoveRedundantCopyPass):  # type: ignore[misc]
    """Removes redundant copies, of which a cast is none."""

    def _try_remove_regular_redundant_to_copy(self, node: Node, graph: Graph) -> bool:
        if is_cast(node) or is_cast(node.all_input_nodes[0]):
            return False
        return bool(super()._try_remove_regular_redundant_to_copy(node, graph))


@contextmanager
def casts_in_delegates() -> Iterator[None]:
    """Let the XNNPACK backend keep and write casts; afterwards it is as before."""
    removing, writer = _passes.RemoveRedundantCopyPass, _node_visitor_dict[WRITER]
    _passes.RemoveRedundantCopyPass, _node_visitor_dict[WRITER] = KeepCasts, WriteCast
    try:
        yield
    finally:
        _passes.RemoveRedundantCopyPass, _node_visitor_dict[WRITER] = removing, writer
