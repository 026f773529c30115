"""The first convolution in float16, of pairs of columns, as XNNPACK computes it with the fewest instructions.

XNNPACK wants an image's channels last. Of three it moves one value at a time, on a Cortex-A76 0.8 million instructions
for 224 × 224 pixels, in float16 as in float32; two neighbours of a row lie together and move as one, in 0.4 million. So
the image is read as half as many columns of six channels, and the 3 × 3 kernel as one of 3 × 2, a column of which is
zeros: columns 2x - 1, 2x and 2x + 1 are all in the pairs x and x + 1 of an image with two more columns in front.

In float16 the convolution itself takes as many instructions as in int8 (1.82 million), needs no range at run time, and
costs no accuracy.
"""

from operator import attrgetter

import torch
from torch import Tensor
from torch.fx import GraphModule, Node
from torch.nn import functional as F

from levit_edge.quantize.quantizer import before_rounding
from levit_edge.quantize.weights.weights import per_channel

__all__ = ["make_first_convolution_half"]

_ATEN = torch.ops.aten


def make_first_convolution_half(graph: GraphModule) -> None:
    """Let the convolution that reads the image compute in float16, in place, unless its ranges are fixed."""
    for node in graph.graph.find_nodes(op="call_function", target=_ATEN.conv2d.default):
        source = node.all_input_nodes[0]
        image = before_rounding(source, dynamic=True) or source
        if image.op == "placeholder":
            _replace(graph, node, image)


def _replace(graph: GraphModule, node: Node, image: Node) -> None:
    weight = _float_weight(graph, node)
    channels, height, width = image.meta["val"].shape[1:]
    with graph.graph.inserting_before(node):
        source = graph.graph.call_function(_ATEN._to_copy.default, (image,), {"dtype": torch.float16})
        geometry = node.args[3:]
        if width % 2 == 0:
            source, weight, geometry = _in_pairs(source, channels, height, width), _of_pairs(weight), ([2, 1], [1, 0])
        name = f"{node.name}_weight"
        graph.register_buffer(name, weight)
        node.args = (source, graph.graph.get_attr(name), node.args[2], *geometry)


def _in_pairs(image: Node, channels: int, height: int, width: int) -> Node:
    """(1, channels, height, width) -> (1, 2 · channels, height, width / 2 + 1), the first column of zeros.

    The convolution pads by itself, in the end: see `levit_edge.quantize.export.executorch_moves`.
    """
    call = image.graph.call_function
    pairs = call(_ATEN.reshape.default, (image, [1, channels, height, width // 2, 2]))
    last = call(_ATEN.permute.default, (pairs, [0, 2, 3, 1, 4]))
    columns = call(_ATEN.reshape.default, (last, [1, height, width // 2, 2 * channels]))
    padded = call(_ATEN.constant_pad_nd.default, (columns, [0, 0, 1, 0], 0.0))
    return call(_ATEN.permute.default, (padded, [0, 3, 1, 2]))


def _of_pairs(weight: Tensor) -> Tensor:
    """(outputs, channels, 3, 3) -> (outputs, 2 · channels, 3, 2)."""
    outputs, channels = weight.shape[:2]
    pairs = F.pad(weight, (1, 0)).reshape(outputs, channels, 3, 2, 2)
    return pairs.permute(0, 1, 4, 2, 3).reshape(outputs, 2 * channels, 3, 2)


def _float_weight(graph: GraphModule, node: Node) -> Tensor:
    """Its own, or what its int8 values stand for."""
    constants = node.all_input_nodes[1].all_input_nodes[:2] or [node.all_input_nodes[1]]
    values: list[Tensor] = [attrgetter(str(each.target))(graph).detach() for each in constants]
    return values[0] * per_channel(values[1], values[0]) if values[1:] else values[0]
