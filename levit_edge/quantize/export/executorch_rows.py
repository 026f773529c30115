"""Int8 linears of 49 tokens as one of 48 and one of the last, in a delegate of XNNPACK; the values are the same.

XNNPACK's int8 kernels for ARM multiply four rows at a time, or one. It takes four rows for all of 49, so that three of
the last four are idle: of the second stage's linears in the LeViT-128S a thirteenth. On their own, 48 rows leave none
idle, and the last takes the kernel for one. Measured, with the copies and calls that this adds, in millions of
instructions: 0.66 less on a Cortex-A55, 0.33 on a Cortex-A76, 0.20 on a Neoverse N2.

On x86-64 kernels take other numbers of rows, seven where AVX-512 is, of which 49 is a multiple: so only files with
float16, which are for ARM, are written so. Each linear has weights for itself when it is loaded, 2 MB in all.
"""

from dataclasses import replace
from typing import Any

from executorch.backends.xnnpack.serialization.xnnpack_graph_schema import (
    XNNConcatenate2,
    XNNConvert,
    XNNDatatype,
    XNNFullyConnected,
    XNNHardswish,
    XNNStaticSlice,
    XNode,
)
from executorch.backends.xnnpack.utils.xnnpack_constants import XNN_INVALID_VALUE_ID

from levit_edge.quantize.export.executorch_delegate import Delegate

__all__ = ["split_rows"]

TILE = 4
"""Rows that a kernel multiplies at a time."""
LEAST_WEIGHTS = 16_384
"""With fewer, copies and calls take more than the idle rows."""


def split_rows(delegate: Delegate) -> None:
    """Let int8 linears of a row more than a multiple of four do without that row, if the file has float16."""
    tensors = range(len(delegate.graph.xvalues))
    if any(delegate.datatype(value) is XNNDatatype.xnn_datatype_fp16 for value in tensors):
        Rows(delegate).split()


class Rows:
    """A delegate whose linears are being split."""

    def __init__(self, delegate: Delegate) -> None:
        self.delegate = delegate
        self.readers = delegate.readers()
        self.parts: dict[int, list[int]] = {}
        """All rows but the last, and the last, of values that are there so."""
        self.nodes: list[XNode] = []

    def split(self) -> None:
        """Write the operators anew; those of whole values that nothing reads any more are left to be dropped."""
        for node in self.delegate.graph.xnodes:
            operator = node.xnode_union
            if self._is_linear(operator):
                self._apply(node, "input1_id", self._parts_of(operator.input1_id, node))
            elif self._is_between(operator) and operator.input_id in self.parts:
                self._apply(node, "input_id", self.parts[operator.input_id])
            else:
                self.nodes.append(node)
        self.delegate.graph.xnodes = self.nodes

    def _is_linear(self, operator: Any) -> bool:
        """Whether it is a linear to be split."""
        if not isinstance(operator, XNNFullyConnected):
            return False
        rows, weights = self.delegate.shape(operator.input1_id)[0], self.delegate.shape(operator.filter_id)
        static = self.delegate.datatype(operator.input1_id) is XNNDatatype.xnn_datatype_qint8
        return static and rows > TILE and rows % TILE == 1 and weights[0] * weights[1] >= LEAST_WEIGHTS

    def _is_between(self, operator: Any) -> bool:
        """Whether it stands between linears to be split, and nothing else reads its result."""
        if not isinstance(operator, XNNConvert | XNNHardswish):
            return False
        readers = [node.xnode_union for node in self.readers[operator.output_id]]
        return bool(readers) and all(self._is_linear(reader) or self._is_between(reader) for reader in readers)

    def _parts_of(self, value: int, node: XNode) -> list[int]:
        """The parts of a value, sliced in front of `node` if they are not there."""
        if value not in self.parts:
            rows, channels = self.delegate.shape(value)
            self.parts[value] = [self._slice(value, 0, [rows - 1, channels], node)]
            self.parts[value] += [self._slice(value, rows - 1, [1, channels], node)]
        return self.parts[value]

    def _slice(self, value: int, start: int, shape: list[int], node: XNode) -> int:
        part = self.delegate.new_value(value, shape)
        operator = XNNStaticSlice(num_dims=2, offsets=[start, 0], sizes=shape, input_id=value, output_id=part, flags=0)
        self.nodes.append(replace(node, xnode_union=operator, output_min_max=None))
        return part

    def _apply(self, node: XNode, name: str, parts: list[int]) -> None:
        """Append `node` for each of `parts` in the place of the input of that name, and the whole result."""
        whole = node.xnode_union.output_id
        channels = self.delegate.shape(whole)[1]
        self.parts[whole] = [self.delegate.new_value(whole, [self.delegate.shape(part)[0], channels]) for part in parts]
        for part, result in zip(parts, self.parts[whole], strict=True):
            operator = replace(node.xnode_union, output_id=result, **{name: part})
            self.nodes.append(replace(node, xnode_union=operator))
        self.nodes.append(replace(node, xnode_union=_joined(self.parts[whole], whole), output_min_max=None))


def _joined(parts: list[int], whole: int) -> XNNConcatenate2:
    none = dict.fromkeys(("input3_id", "input4_id", "input5_id"), XNN_INVALID_VALUE_ID)
    return XNNConcatenate2(axis=0, input1_id=parts[0], input2_id=parts[1], output_id=whole, flags=0, **none)
