"""Tokens and images in XNNPACK: the same values in the same order, which ExecuTorch moves back and forth all the same.

XNNPACK keeps images with their channels last, so that (1, channels, height, width) lies in memory as its tokens do,
(height × width, channels). ExecuTorch 1.4 writes two transposes wherever one is read as the other: behind the stem,
around a shrinking attention's q, whose input is rounded to int8 once more for it, and in front of the mean. Here each
becomes a view. `tests/quantize/test_executorch_layout.py` says when a newer ExecuTorch does so by itself.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from executorch.backends.xnnpack import _passes
from executorch.backends.xnnpack._passes.channels_last_tagged_reshape_pass import ChannelsLastTaggedReshapePass
from executorch.backends.xnnpack.utils.quant_utils import is_dequant, is_quant, tag_as_implicit_q_dq
from executorch.exir.dialects._ops import ops as exir_ops
from executorch.exir.pass_base import PassResult
from torch.fx import GraphModule, Node

__all__ = ["images_are_tokens"]

VIEW = exir_ops.edge.aten.view_copy.default
PERMUTE = exir_ops.edge.aten.permute_copy.default
COPY = exir_ops.edge.aten._to_copy.default
CHANNELS_LAST, CHANNELS_FIRST = [0, 2, 3, 1], [0, 3, 1, 2]


class ImagesAreTokens(ChannelsLastTaggedReshapePass):  # type: ignore[misc]
    """Brings images into channels-last order where that takes more than to look at them."""

    def call(self, graph_module: GraphModule) -> PassResult:
        """The graph with views instead of pairs of transposes."""
        graph_module = super().call(graph_module).graph_module
        for node in list(graph_module.graph.nodes):
            if node.target is VIEW:
                _view_image(node)
            elif node.target is COPY and node.kwargs.get("memory_format") is torch.channels_last:
                _view_tokens(node)
        graph_module.graph.eliminate_dead_code()
        graph_module.recompile()
        return PassResult(graph_module, modified=True)


def _view_image(view: Node) -> None:
    """Let a `view` of an image's pixels read the image as it lies there, with its channels last."""
    (copy,) = view.all_input_nodes
    if copy.target is not COPY or copy.kwargs.get("memory_format") is not torch.contiguous_format:
        return
    (source,) = copy.all_input_nodes
    if _is_permutation(source, CHANNELS_LAST):
        (source,) = source.all_input_nodes
    elif source.meta["val"].shape[2:] != (1, 1):
        return
    if ChannelsLastTaggedReshapePass.is_nhwc_node(source):
        view.replace_input_with(copy, source)


def _view_tokens(copy: Node) -> None:
    """Instead of a `copy` of tokens with the channels last, as they are already, let its readers see the tokens."""
    (source,) = copy.all_input_nodes
    rounding = source.all_input_nodes[0] if is_dequant(source) else None
    permuted = rounding.all_input_nodes[0] if rounding and is_quant(rounding) else source
    if not _is_permutation(permuted, CHANNELS_FIRST):
        return
    (tokens,) = permuted.all_input_nodes
    if tokens.target is VIEW:
        (tokens,) = tokens.all_input_nodes
    with copy.graph.inserting_before(copy):
        if rounding:
            tokens = _rounded(tokens, rounding, source)
        image = copy.graph.call_function(VIEW, (tokens, list(copy.meta["val"].shape)))
    image.meta = copy.meta.copy()
    copy.replace_all_uses_with(image)


def _is_permutation(node: Node, order: list[int]) -> bool:
    return node.target is PERMUTE and node.args[1] == order


def _rounded(tokens: Node, quantize: Node, dequantize: Node) -> Node:
    """`tokens` as those two round them, by the rounding that other readers have if it is the same."""
    graph = tokens.graph
    call: Callable[..., Node] = graph.call_function
    same = (user for user in tokens.users if (user.target, user.args[1:]) == (quantize.target, quantize.args[1:]))
    rounded = next(same, None)
    if rounded is None:
        rounded = call(quantize.target, (tokens, *quantize.args[1:]), quantize.kwargs)
        rounded.meta = tokens.meta.copy()
    values = call(dequantize.target, (rounded, *dequantize.args[1:]), dequantize.kwargs)
    values.meta = tokens.meta.copy()
    tag_as_implicit_q_dq(values)
    return values


@contextmanager
def images_are_tokens() -> Iterator[None]:
    """Let the XNNPACK backend look at images as tokens and at tokens as images; afterwards it is as before."""
    moving = _passes.ChannelsLastTaggedReshapePass
    _passes.ChannelsLastTaggedReshapePass = ImagesAreTokens
    try:
        yield
    finally:
        _passes.ChannelsLastTaggedReshapePass = moving
