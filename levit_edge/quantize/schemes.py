"""Which layer computes how: a recipe's scheme and patterns, resolved for one network."""

from collections.abc import Callable
from fnmatch import fnmatchcase

from torch import nn

from levit_edge.bundle.recipe import LayerScheme, Recipe, Scheme
from levit_edge.errors import QuantizationError
from levit_edge.model.deploy import DeployAttention, DeployLeViT, DeployShrinkingAttention

__all__ = ["can_be_dynamic", "int8_attention_blocks", "layer_schemes", "quantizable_layers"]

Layer = nn.Conv2d | nn.Linear
MIXED_DYNAMIC = ("stem.*", "head")
"""The stem's heavy-tailed activations carry nine tenths of the static error, the head's output goes nowhere else:
both cost nothing to take dynamically (measured: docs/accuracy.md)."""


def quantizable_layers(deploy: DeployLeViT) -> dict[str, Layer]:
    """Every convolution and linear by its name, in execution order."""
    return {name: module for name, module in deploy.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)}


def can_be_dynamic(name: str, layer: Layer) -> bool:
    """Linears and the stem; a shrinking attention's strided q is a convolution that XNNPACK takes only statically."""
    return isinstance(layer, nn.Linear) or name.startswith("stem.")


def layer_schemes(deploy: DeployLeViT, recipe: Recipe) -> dict[str, LayerScheme]:
    """The scheme of every layer of `deploy`, in execution order.

    Raises:
        QuantizationError: a pattern fits no layer, or none that can be dynamic.
    """
    layers = quantizable_layers(deploy)
    dynamic = _matching(recipe.dynamic_layers, "--dynamic-layer", layers, can_be_dynamic)
    in_float = _matching(recipe.float_layers, "--float-layer", layers, lambda _name, _layer: True)
    return {
        name: LayerScheme.FLOAT
        if name in in_float
        else LayerScheme.DYNAMIC
        if name in dynamic
        else _by_scheme(recipe.scheme, name, layer)
        for name, layer in layers.items()
    }


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
        case Scheme.MIXED:
            dynamic = any(fnmatchcase(name, pattern) for pattern in MIXED_DYNAMIC)
    return LayerScheme.DYNAMIC if dynamic else LayerScheme.STATIC


def _matching(
    patterns: tuple[str, ...], option: str, layers: dict[str, Layer], allowed: Callable[[str, Layer], bool]
) -> set[str]:
    """The layers that patterns name; a pattern that would silently do nothing is refused."""
    found: set[str] = set()
    for pattern in patterns:
        fitting = {name for name in layers if fnmatchcase(name, pattern)}
        if not fitting:
            names = list(layers)
            raise QuantizationError(
                f"{option} {pattern!r} fits no layer. There are {names[0]}, {names[5]}, … {names[-1]}: use a name, or a"
                " pattern such as 'stem.*'."
            )
        usable = {name for name in fitting if allowed(name, layers[name])}
        if not usable:
            raise QuantizationError(
                f"{option} {pattern!r} fits only {', '.join(sorted(fitting))}, a strided convolution that runtimes"
                " quantize only statically. Leave it static, or use --float-layer."
            )
        found |= usable
    return found
