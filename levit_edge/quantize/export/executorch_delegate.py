"""The operators of a delegate in a better order, when ExecuTorch has collected them and before it writes them.

XNNPACK runs what is written as it stands. Some forms that take fewer instructions cannot be said in a torch graph, or
not past ExecuTorch's own passes: a convolution that pads one side alone, int8 values that are moved before anything
reads them. They are made here, of the delegate's operators; no value changes.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from executorch.backends.xnnpack import xnnpack_preprocess
from executorch.backends.xnnpack.serialization.xnnpack_graph_schema import (
    XNNDatatype,
    XNNGraph,
    XNNQuantizedTensorValue,
    XNNTensorValue,
    XNode,
)

__all__ = ["Delegate", "rearranged"]


class Delegate:
    """What is about to be written: values by number, and the operators from them to others."""

    def __init__(self, graph: XNNGraph) -> None:
        self.graph = graph

    def operators(self, kind: type) -> list[XNode]:
        """All of a kind, in the order in which they run."""
        return [node for node in self.graph.xnodes if isinstance(node.xnode_union, kind)]

    def shape(self, value: int) -> list[int]:
        """Of a value; images have their channels last."""
        return list(self._tensor(value).dims)

    def datatype(self, value: int) -> XNNDatatype:
        """Of a value: of float16, int8 with a fixed range and so on."""
        return self._tensor(value).datatype

    def _tensor(self, value: int) -> XNNTensorValue:
        union = self.graph.xvalues[value].xvalue_union
        return union.tensor_value if isinstance(union, XNNQuantizedTensorValue) else union

    def readers(self) -> dict[int, list[XNode]]:
        """The operators that read each value."""
        readers: dict[int, list[XNode]] = defaultdict(list)
        for node in self.graph.xnodes:
            for value in _inputs(node):
                readers[value].append(node)
        return readers

    def writers(self) -> dict[int, Any]:
        """The operator that computes each value that is not a constant or an input."""
        return {node.xnode_union.output_id: node.xnode_union for node in self.graph.xnodes}

    def new_value(self, like: int, shape: list[int]) -> int:
        """Another value of the type, and with the range, of one that there is."""
        value = deepcopy(self.graph.xvalues[like])
        self.graph.xvalues.append(value)
        number = len(self.graph.xvalues) - 1
        tensor = self._tensor(number)
        tensor.id_out, tensor.dims, tensor.num_dims = number, shape, len(shape)
        return number

    def drop_unread(self) -> None:
        """Leave out operators whose results nothing reads."""
        read = set(self.graph.output_ids)
        kept = []
        for node in reversed(self.graph.xnodes):
            if node.xnode_union.output_id in read:
                read.update(_inputs(node))
                kept.append(node)
        self.graph.xnodes = kept[::-1]


def _inputs(node: XNode) -> list[int]:
    """The values that it reads, constants included."""
    return [value for name, value in vars(node.xnode_union).items() if name.endswith("_id") and name != "output_id"]


@contextmanager
def rearranged(*changes: Callable[[Delegate], None]) -> Iterator[None]:
    """Let `changes` alter the delegate, in turn, before the XNNPACK backend writes it; afterwards it is as before."""
    write = xnnpack_preprocess.serialize_xnnpack_binary

    def write_rearranged(graph: XNNGraph, *more: Any) -> bytes:
        delegate = Delegate(graph)
        for change in changes:
            change(delegate)
            delegate.drop_unread()
        return bytes(write(graph, *more))

    xnnpack_preprocess.serialize_xnnpack_binary = write_rearranged
    try:
        yield
    finally:
        xnnpack_preprocess.serialize_xnnpack_binary = write
