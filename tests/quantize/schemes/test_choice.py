"""A recipe's scheme and patterns, resolved layer by layer."""

import pytest
from torch import nn

from levit_edge.bundle.recipe import LayerScheme, Recipe, Scheme
from levit_edge.errors import QuantizationError
from levit_edge.quantize.schemes import quantizable_layers
from levit_edge.quantize.schemes.choice import layer_schemes
from tests.quantize.conftest import Demo


def strided(demo: Demo) -> set[str]:
    """The convolutions of shrinking attentions."""
    layers = quantizable_layers(demo.deploy)
    return {name for name, layer in layers.items() if name.endswith(".q") and isinstance(layer, nn.Conv2d)}


def layers_with(demo: Demo, recipe: Recipe, scheme: LayerScheme) -> set[str]:
    return {name for name, each in layer_schemes(demo.deploy, recipe).items() if each is scheme}


def test_static_is_static_everywhere(demo_steps: Demo) -> None:
    names = set(quantizable_layers(demo_steps.deploy))
    assert layers_with(demo_steps, Recipe(scheme=Scheme.STATIC), LayerScheme.STATIC) == names


def test_dynamic_takes_all_linears_and_no_convolution(demo_steps: Demo) -> None:
    static = layers_with(demo_steps, Recipe(scheme=Scheme.DYNAMIC), LayerScheme.STATIC)
    assert static == strided(demo_steps) | {f"stem.conv{number}" for number in range(1, 5)}


def test_mixed_takes_stem_and_head(demo_steps: Demo) -> None:
    dynamic = layers_with(demo_steps, Recipe(), LayerScheme.DYNAMIC)
    assert dynamic == {"head"} | {f"stem.conv{number}" for number in range(1, 5)}


def test_patterns_come_before_the_scheme_and_float_before_dynamic(demo_steps: Demo) -> None:
    recipe = Recipe(scheme=Scheme.STATIC, dynamic_layers=("blocks.1*.up", "head"), float_layers=("*.11.up", "stem.*"))
    schemes = layer_schemes(demo_steps.deploy, recipe)
    assert schemes["blocks.11.up"] is LayerScheme.FLOAT
    assert schemes["blocks.1.up"] is schemes["head"] is LayerScheme.DYNAMIC
    assert schemes["stem.conv2"] is LayerScheme.FLOAT
    assert schemes["blocks.3.up"] is LayerScheme.STATIC


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (Recipe(float_layers=("head", "stm.*")), r"--float-layer 'stm\.\*' fits no layer"),
        (Recipe(dynamic_layers=("blocks.99.up",)), r"--dynamic-layer 'blocks\.99\.up' fits no layer"),
        (Recipe(float_layers=("block.3.up",)), r"fits no layer\. Did you mean blocks\.3\.up, blocks\.\d+\.up, "),
        (Recipe(float_layers=("nonsense",)), r"fits no layer\. There are stem\.conv1, blocks\.\S+, … head: use a name"),
    ],
)
def test_patterns_that_would_do_nothing_are_refused(demo_steps: Demo, recipe: Recipe, message: str) -> None:
    with pytest.raises(QuantizationError, match=message):
        layer_schemes(demo_steps.deploy, recipe)


def test_a_strided_convolution_cannot_be_dynamic(demo_steps: Demo) -> None:
    recipe = Recipe(dynamic_layers=(min(strided(demo_steps)),))
    with pytest.raises(QuantizationError, match="strided convolution that runtimes quantize only statically"):
        layer_schemes(demo_steps.deploy, recipe)
