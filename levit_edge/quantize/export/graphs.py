"""What all that changes quantized graphs has in common."""

import warnings
from copy import deepcopy

import torch
from torch.fx import GraphModule, Node

__all__ = ["channel_factors", "copied", "drop_unread"]


def copied(graph: GraphModule) -> GraphModule:
    """A copy to change."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch, of its own tree specifications
        return deepcopy(graph)


def drop_unread(graph: GraphModule) -> None:
    """Delete the constants that no node reads, in place: what stays in the module stays in the file."""
    read = {str(node.target) for node in graph.graph.find_nodes(op="get_attr")}
    constants = [*graph.named_buffers(remove_duplicate=False), *graph.named_parameters(remove_duplicate=False)]
    for name, _ in constants:
        if name not in read:
            path, _, own = name.rpartition(".")
            delattr(graph.get_submodule(path), own)


def channel_factors(graph: GraphModule, product: Node) -> tuple[Node, Node] | None:
    """The image and the constant, (1, channels, 1, 1), that a `levit_edge.model.deploy.ChannelScale` multiplies.

    None if `product` is another node: of the products of a graph, `levit_edge.quantize.float16_scores.Restored` is one.
    """
    if product.target is not torch.ops.aten.mul.Tensor or len(product.all_input_nodes) != 2:
        return None
    image, factors = product.all_input_nodes
    constant = dict(graph.named_buffers(remove_duplicate=False)).get(str(factors.target))
    if factors.op != "get_attr" or constant is None or constant.ndim != 4 or constant.numel() != constant.shape[1]:
        return None
    return image, factors
