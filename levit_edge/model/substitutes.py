"""Gives a network that others changed the layers of a trained LeViT again, exactly: plain heads, folded batch norm.

A linear W x + c is a batch norm that changes nothing and then the same linear; a layer into which its batch norm was
folded is that layer without bias, and a batch norm that adds the bias. "Nothing" is a running variance of 1 − ε, so
that x / sqrt(v + ε) is x.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from levit_edge.errors import CheckpointError
from levit_edge.model.key_maps import CheckpointFormat
from levit_edge.text import listed

__all__ = ["Tensors", "with_original_layers"]

EPSILON = 1e-5
"""Of PyTorch's batch norm."""


@dataclass(frozen=True, kw_only=True)
class Tensors:
    """A network's tensors, by names without prefix."""

    tensors: dict[str, Tensor]
    names: dict[str, str]
    """What the file calls them."""
    notes: tuple[str, ...] = ()
    """What is not as in a trained LeViT."""


@dataclass(frozen=True, kw_only=True)
class _Words:
    """What a format calls the parts of a layer."""

    heads: tuple[str, str]
    classifier: str
    linear: str
    norm: str


WORDS = {
    CheckpointFormat.FACEBOOK: _Words(heads=("head", "head_dist"), classifier="l", linear="c", norm="bn"),
    CheckpointFormat.TIMM: _Words(heads=("head", "head_dist"), classifier="linear", linear="linear", norm="bn"),
    CheckpointFormat.HUGGING_FACE: _Words(
        heads=("classifier", "classifier_distill"), classifier="linear", linear="linear", norm="batch_norm"
    ),
}
BEGINNINGS = {
    "patch_embed.0.": CheckpointFormat.FACEBOOK,
    "stem.conv1.": CheckpointFormat.TIMM,
    "levit.": CheckpointFormat.HUGGING_FACE,
}


def with_original_layers(network: Tensors) -> Tensors:
    """`network` with every head as batch norm and linear, and every layer without bias in front of its batch norm.

    What is neither of a trained LeViT nor of these kinds stays as it is: its names are checked later.

    Raises:
        CheckpointError: a head is more than one linear layer, or may be.
    """
    formats = [
        named for beginning, named in BEGINNINGS.items() if any(name.startswith(beginning) for name in network.tensors)
    ]
    if len(formats) != 1:
        return network
    words = WORDS[formats[0]]
    for head in words.heads:
        network = _with_head(network, head, words)
    return _unfolded(network, words)


def _identity(width: int, bias: Tensor | None = None) -> dict[str, Tensor]:
    """A batch norm that adds a bias and changes nothing else."""
    return {
        "weight": torch.ones(width),
        "bias": torch.zeros(width) if bias is None else bias,
        "running_mean": torch.zeros(width),
        "running_var": torch.full((width,), 1 - EPSILON),
    }


def _modules(tensors: Mapping[str, Tensor], root: str) -> dict[str, dict[str, Tensor]]:
    """The tensors of each module in `root`: from the module's name to its tensors by the last parts of theirs."""
    modules: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.startswith(root + "."):
            module, _, leaf = name.rpartition(".")
            modules.setdefault(module, {})[leaf] = tensor
    return modules


def _with_head(network: Tensors, head: str, words: _Words) -> Tensors:
    modules = _modules(network.tensors, head)
    linear, norm = f"{head}.{words.classifier}", f"{head}.{words.norm}"
    if not modules or (norm in modules and "bias" in modules.get(linear, {})):
        return network
    linears = [name for name, leaves in modules.items() if _is_linear(leaves)]
    norms = [name for name, leaves in modules.items() if "running_mean" in leaves]
    if not linears and not modules.keys().isdisjoint({linear, norm}):
        return network  # damaged: what is missing is told later
    others = len(modules) != len(linears) + len(norms)
    if len(linears) != 1 or len(norms) > 1 or others or (norms and not _is_before(norms[0], linears[0], modules)):
        raise CheckpointError(
            f"Its classifier {head} was replaced by {listed(sorted(modules))}, expected one linear layer, with or "
            "without batch norm in front of it. Other classifiers are not supported."
        )
    moved = {linears[0]: linear} | ({norms[0]: norm} if norms else {})
    unknown = _weightless(head, moved)
    if len(unknown) > 1:
        raise CheckpointError(
            f"Its classifier {head} has layers without weights in front of {linears[0]} ({listed(unknown)}), and the"
            " file does not say what they compute. One is taken for dropout, which does nothing here; among several"
            f" there may be an activation. If there is none, save the classifier without them, as {head}.weight."
        )
    network = _renamed(network, moved)
    added: dict[str, Tensor] = {}
    weight = network.tensors[f"{linear}.weight"]
    if f"{linear}.bias" not in network.tensors:
        added[f"{linear}.bias"] = torch.zeros(len(weight))
    if not norms:
        added |= {f"{norm}.{leaf}": tensor for leaf, tensor in _identity(weight.shape[1]).items()}
    return replace(_with(network, added), notes=(*network.notes, _head_note(head, added, unknown)))


def _is_before(norm: str, linear: str, modules: Mapping[str, Mapping[str, Tensor]]) -> bool:
    """Whether a batch norm is in front of a linear layer: by its width; where that does not tell, by their numbers."""
    outputs, inputs = modules[linear]["weight"].shape
    if outputs != inputs:
        return tuple(modules[norm]["running_mean"].shape) == (inputs,)
    one, other = (name.rpartition(".")[2] for name in (norm, linear))
    if one.isdecimal() and other.isdecimal():
        return (len(one), one) < (len(other), other)
    return one in {"bn", "batch_norm"}


def _weightless(head: str, moved: Mapping[str, str]) -> list[str]:
    """The layers in front of a head's linear that the file has no weights of: numbers that `nn.Sequential` passed over.

    Of names that are no numbers nothing can be told.
    """
    places = {name.removeprefix(head).strip(".").rpartition(".") for name in moved}
    numbers = {int(number) for _, _, number in places if number.isdecimal() and len(number) < 4}
    if len(numbers) < len(moved) or len({root for root, _, _ in places}) > 1:
        return []
    root = next(iter(moved)).rpartition(".")[0]
    return [f"{root}.{number}" for number in range(max(numbers)) if number not in numbers]


def _head_note(head: str, added: Mapping[str, Tensor], unknown: Sequence[str]) -> str:
    lacks = ["batch norm"] if any(name.endswith("running_mean") for name in added) else []
    lacks += ["bias"] if len(added) in (1, 5) else []
    note = f"its classifier {head} is a linear layer" + (f" without {' and '.join(lacks)}" if lacks else "")
    if not unknown:
        return note
    return (
        f"{note}; the file does not say what {unknown[0]} in front of it computes. It is taken for dropout, which does"
        " nothing here; if it is an activation, such as ReLU, all logits are wrong, and fp32's top-1 is below what"
        " training reached"
    )


def _is_linear(leaves: Mapping[str, Tensor]) -> bool:
    weight = leaves.get("weight")
    return weight is not None and weight.ndim == 2 and set(leaves) <= {"weight", "bias"} and weight.shape[1] > 0


def _renamed(network: Tensors, moved: Mapping[str, str]) -> Tensors:
    new = {}
    for name in network.tensors:
        module, _, leaf = name.rpartition(".")
        new[name] = f"{moved[module]}.{leaf}" if module in moved else name
    return replace(
        network,
        tensors={new[name]: tensor for name, tensor in network.tensors.items()},
        names={new[name]: own for name, own in network.names.items()},
    )


def _with(network: Tensors, added: dict[str, Tensor]) -> Tensors:
    return replace(network, tensors=network.tensors | added, names=network.names | {name: name for name in added})


def _unfolded(network: Tensors, words: _Words) -> Tensors:
    """With the batch norms that were folded into the layers before them, if all of them were."""
    heads = tuple(f"{head}." for head in words.heads)
    body = {name: tensor for name, tensor in network.tensors.items() if not name.startswith(heads)}
    if any(name.endswith("running_mean") for name in body):
        return network
    moved, added = {}, {}
    for name, weight in body.items():
        module, _, leaf = name.rpartition(".")
        if leaf != "weight" or weight.ndim not in (2, 4) or f"{module}.bias" not in body:
            continue
        linear = "convolution" if words.norm == "batch_norm" and weight.ndim == 4 else words.linear
        layer = module.removesuffix(f".{linear}")
        moved[module] = f"{layer}.{linear}"
        for part, tensor in _identity(len(weight), body[f"{module}.bias"]).items():
            added[f"{layer}.{words.norm}.{part}"] = tensor
    if not moved:
        return network
    owns = {f"{moved[module]}.bias": f"{moved[module].rpartition('.')[0]}.{words.norm}.bias" for module in moved}
    network = _renamed(network, moved)
    names = {owns[name]: own for name, own in network.names.items() if name in owns}
    left = {name: tensor for name, tensor in network.tensors.items() if name not in owns}
    network = replace(network, tensors=left, names={name: network.names[name] for name in left})
    network = _with(network, added)
    note = "its batch norms are already folded into the layers before them"
    return replace(network, names=network.names | names, notes=(*network.notes, note))
