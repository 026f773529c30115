"""Which layer computes how: a recipe's scheme and patterns, resolved for one network."""

from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from levit_edge.bundle.manifest import Move
from levit_edge.bundle.recipe import LayerScheme, Recipe, Scheme
from levit_edge.errors import QuantizationError
from levit_edge.model.deploy import DeployAttention, DeployLeViT, DeployShrinkingAttention
from levit_edge.quantize.schemes import Layer, quantizable_layers
from levit_edge.quantize.schemes.registry import COMPUTATIONS

__all__ = ["int8_attention_blocks", "layer_schemes", "with_moves"]

MIXED_DYNAMIC = ("stem.*", "head")
"""The stem's heavy-tailed activations carry nine tenths of the static error, the head's output goes nowhere else:
both cost nothing to take dynamically (measured: docs/accuracy.md)."""


def layer_schemes(deploy: DeployLeViT, recipe: Recipe) -> dict[str, LayerScheme]:
    """The scheme of every layer of `deploy`, in execution order.

    Raises:
        QuantizationError: a pattern fits no layer, or none that can have its scheme.
    """
    layers = quantizable_layers(deploy)
    schemes = {name: _by_scheme(recipe.scheme, name, layer) for name, layer in layers.items()}
    for scheme in COMPUTATIONS:
        patterns = getattr(recipe, f"{scheme}_layers", ())  # no option asks for static layers
        schemes |= dict.fromkeys(_matching(patterns, scheme, layers), scheme)
    return schemes


def with_moves(recipe: Recipe, moves: Iterable[Move]) -> Recipe:
    """The recipe that makes the choice of a search without one."""
    moved: dict[str, Any] = {}
    for move in moves:
        field = f"{move.scheme}_layers"
        moved[field] = (*moved.get(field, getattr(recipe, field)), move.layer)
    return replace(recipe, **moved)


def int8_attention_blocks(deploy: DeployLeViT, recipe: Recipe) -> list[str]:
    """The attention blocks whose products compute in int8, in execution order.

    Raises:
        QuantizationError: a pattern fits no attention block.
    """
    attentions = [
        name
        for name, module in deploy.named_modules()
        if isinstance(module, DeployAttention | DeployShrinkingAttention)
    ]
    for pattern in recipe.int8_attention:
        if not any(fnmatchcase(name, pattern) for name in attentions):
            raise QuantizationError(
                f"--int8-attention {pattern!r} fits no attention block. There are {', '.join(attentions)}."
            )
    return [name for name in attentions if any(fnmatchcase(name, pattern) for pattern in recipe.int8_attention)]


def _by_scheme(scheme: Scheme, name: str, layer: Layer) -> LayerScheme:
    match scheme:
        case Scheme.STATIC:
            dynamic = False
        case Scheme.DYNAMIC:
            dynamic = isinstance(layer, nn.Linear)
        case Scheme.AUTO | Scheme.MIXED:
            dynamic = any(fnmatchcase(name, pattern) for pattern in MIXED_DYNAMIC)
    return LayerScheme.DYNAMIC if dynamic else LayerScheme.STATIC


def _instead(pattern: str, names: list[str]) -> str:
    """What may have been meant by a pattern that fits nothing."""
    if near := get_close_matches(pattern, names, n=3):
        return f"Did you mean {', '.join(near)}? A pattern such as 'stem.*' names several."
    return f"There are {names[0]}, {names[len(names) // 2]}, … {names[-1]}: use a name, or a pattern such as 'stem.*'."


def _matching(patterns: tuple[str, ...], scheme: LayerScheme, layers: dict[str, Layer]) -> set[str]:
    """The layers that patterns name; a pattern that would silently do nothing is refused."""
    computation, found = COMPUTATIONS[scheme], set[str]()
    for pattern in patterns:
        fitting = {name for name in layers if fnmatchcase(name, pattern)}
        if not fitting:
            raise QuantizationError(f"--{scheme}-layer {pattern!r} fits no layer. {_instead(pattern, list(layers))}")
        usable = {name for name in fitting if computation.possible(name, layers[name])}
        if not usable:
            raise QuantizationError(
                f"--{scheme}-layer {pattern!r} fits only {', '.join(sorted(fitting))}, {computation.impossible}"
            )
        found |= usable
    return found
