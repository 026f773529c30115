"""Fewer bytes and fewer zeros to move, in a delegate of XNNPACK; the values are the same."""

from typing import Any

from executorch.backends.xnnpack.serialization.xnnpack_graph_schema import (
    XNNConv2d,
    XNNConvert,
    XNNDatatype,
    XNNStaticConstantPad,
    XNNStaticReshape,
    XNNStaticTranspose,
    XNode,
)

from levit_edge.quantize.export.executorch_delegate import Delegate

__all__ = ["fold_paddings", "move_heads_in_int8"]

FLOATS = (XNNDatatype.xnn_datatype_fp16, XNNDatatype.xnn_datatype_fp32)


def fold_paddings(delegate: Delegate) -> None:
    """Let convolutions pad by themselves what is padded with zeros for them, as far on each side as it is.

    torch's convolution pads both ends alike, XNNPACK's each by its own number and without a copy: for the first
    convolution of the LeViT-128S, which wants a column on the left alone, 0.12 million instructions less.
    """
    writers = delegate.writers()
    for node in delegate.operators(XNNConv2d):
        convolution = node.xnode_union
        pad = _unviewed(delegate, writers, convolution.input1_id)
        if isinstance(pad, XNNStaticConstantPad) and _pads_images(delegate, pad):
            convolution.input1_id = pad.input_id
            convolution.padding_top += pad.pre_paddings[1]
            convolution.padding_left += pad.pre_paddings[2]
            convolution.padding_bottom += pad.post_paddings[1]
            convolution.padding_right += pad.post_paddings[2]


def _unviewed(delegate: Delegate, writers: dict[int, Any], value: int) -> Any:
    """What computes `value`, behind views of the same shape; None if nothing does."""
    writer = writers.get(value)
    while isinstance(writer, XNNStaticReshape) and delegate.shape(writer.input_id) == delegate.shape(value):
        writer = writers.get(writer.input_id)
    return writer


def _pads_images(delegate: Delegate, pad: XNNStaticConstantPad) -> bool:
    """Whether zeros are put around images, and neither between them nor between channels."""
    ends = [*zip(pad.pre_paddings, pad.post_paddings, strict=True)]
    only_around = len(ends) == 4 and ends[0] == ends[3] == (0, 0)
    return only_around and pad.padding_value == 0 and delegate.datatype(pad.input_id) in FLOATS


def move_heads_in_int8(delegate: Delegate) -> None:
    """Let q and v be transposed from tokens to heads in int8, and converted to float then.

    XNNPACK copies a head's channels of a token at a time, and takes 26 instructions for up to 64 bytes, 60 to 72 for
    the 64 float16 ones of a shrinking attention's v. 0.22 million less on the LeViT-128S. k is not copied so: the
    product takes it transposed, if the transpose is what it reads.
    """
    readers = delegate.readers()
    for node in delegate.operators(XNNConvert):
        reshape = _reader(readers, node, XNNStaticReshape)
        transpose = reshape and _reader(readers, reshape, XNNStaticTranspose)
        convert = node.xnode_union
        whole_runs = transpose and transpose.xnode_union.perm[-1] == transpose.xnode_union.num_dims - 1
        if whole_runs and delegate.datatype(convert.input_id) is XNNDatatype.xnn_datatype_qint8:
            _convert_last(delegate, node, reshape, transpose)


def _reader(readers: dict[int, list[XNode]], node: XNode, kind: type) -> XNode | None:
    """The one that reads the result of `node`, if it is one and of the kind."""
    found = readers[node.xnode_union.output_id]
    return found[0] if len(found) == 1 and isinstance(found[0].xnode_union, kind) else None


def _convert_last(delegate: Delegate, *nodes: XNode) -> None:
    """Of a conversion, a reshape and a transpose: let the conversion follow the others."""
    convert, reshape, transpose = (node.xnode_union for node in nodes)
    heads = delegate.new_value(convert.input_id, delegate.shape(reshape.output_id))
    moved = delegate.new_value(convert.input_id, delegate.shape(transpose.output_id))
    reshape.input_id, reshape.output_id, transpose.input_id = convert.input_id, heads, heads
    convert.input_id, convert.output_id, transpose.output_id = moved, transpose.output_id, moved
    order = delegate.graph.xnodes
    order.remove(nodes[0])
    order.insert(order.index(nodes[-1]) + 1, nodes[0])
