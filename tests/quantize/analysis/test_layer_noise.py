"""The noise of one layer alone is what the simulation of that layer alone gives, and adds up to the whole."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from levit_edge.bundle.recipe import LayerScheme
from levit_edge.quantize.analysis.layer_noise import (
    FloatLogits,
    Kind,
    LogitNoise,
    Rounded,
    int8_schemes,
    layer_noise,
    network_noise,
)
from levit_edge.quantize.analysis.simulate import simulate
from levit_edge.quantize.plan import Plan
from levit_edge.quantize.schemes import quantizable_layers
from tests.quantize.conftest import Demo

IMAGES = 6
FLOAT_ROUNDING = 0.02
"""Relative: other batches and paths round floats otherwise, which now and then moves a value across an int8 step."""
Noises = dict[tuple[str, Kind], LogitNoise]


def measure(
    plan: Plan, images: Tensor, labels: Sequence[int] | None = None, kinds: Sequence[Kind] = (*Rounded, *int8_schemes())
) -> Noises:
    return layer_noise(plan, [(images, labels)], kinds)


@pytest.fixture(scope="module")
def noises(demo_steps: Demo) -> Noises:
    with torch.no_grad():
        labels = demo_steps.deploy(demo_steps.images[:IMAGES]).argmax(1).tolist()
    return measure(demo_steps.plan, demo_steps.images[:IMAGES], labels)


def of_network(network: nn.Module, demo: Demo) -> LogitNoise:
    noise = LogitNoise()
    with torch.no_grad():
        noise.add(demo.deploy(demo.images[:IMAGES]), network(demo.images[:IMAGES]), None)
    return noise


@pytest.mark.parametrize("layer", ["stem.conv1", "stem.conv4", "blocks.0.q", "blocks.2.q", "blocks.7.down", "head"])
@pytest.mark.parametrize("scheme", [LayerScheme.STATIC, LayerScheme.DYNAMIC])
def test_it_is_that_of_the_network_with_one_layer_rounded(
    demo_steps: Demo, noises: Noises, layer: str, scheme: LayerScheme
) -> None:
    key = layer, scheme
    if layer == "blocks.2.q" and scheme is LayerScheme.DYNAMIC:
        assert key not in noises  # a strided convolution, which runtimes quantize only statically
        return
    alone = dict.fromkeys(demo_steps.plan.layers, LayerScheme.FLOAT) | {layer: scheme}
    expected = of_network(simulate(demo_steps.plan.with_schemes(alone)), demo_steps)
    assert noises[key].relative_noise == pytest.approx(expected.relative_noise, rel=FLOAT_ROUNDING)
    assert noises[key].relative_noise > 0


def test_weights_that_are_on_the_grid_make_no_noise(demo_steps: Demo, noises: Noises) -> None:
    name = "blocks.1.up"
    on_grid = deepcopy(demo_steps.deploy)
    with torch.no_grad():
        quantizable_layers(on_grid)[name].weight.copy_(demo_steps.plan.layers[name].weight)
    plan = replace(demo_steps.plan, deploy=on_grid)
    found = measure(plan, demo_steps.images[:2], kinds=(Rounded.WEIGHTS,))[name, Rounded.WEIGHTS]
    assert found.relative_noise == 0
    assert found.comparison.sqnr_db is None
    assert noises[name, Rounded.WEIGHTS].relative_noise > 0


def test_activations_are_those_of_the_float_weights(demo_steps: Demo, noises: Noises) -> None:
    name = "blocks.1.up"
    planned = demo_steps.plan.layers[name]
    zeroed = replace(planned, weight=torch.zeros_like(planned.weight))
    plan = replace(demo_steps.plan, layers=demo_steps.plan.layers | {name: zeroed})
    found = measure(plan, demo_steps.images[:IMAGES], kinds=(Rounded.ACTIVATIONS,))[name, Rounded.ACTIVATIONS]
    assert found.relative_noise == pytest.approx(noises[name, Rounded.ACTIVATIONS].relative_noise, rel=1e-9)


def test_static_and_dynamic_hold_the_noise_of_the_weights(noises: Noises) -> None:
    """Weights alone are quieter than weights and activations, but for cancellation: in the last layers of all."""
    for name in ("stem.conv1", "blocks.0.proj", "blocks.6.v", "head"):
        weights = noises[name, Rounded.WEIGHTS].relative_noise
        assert weights < noises[name, LayerScheme.STATIC].relative_noise
        assert weights < noises[name, LayerScheme.DYNAMIC].relative_noise


def test_single_layers_add_up_to_the_whole(demo_steps: Demo, noises: Noises) -> None:
    total = sum(noises[name, LayerScheme.STATIC].relative_noise for name in demo_steps.plan.layers)
    whole = of_network(simulate(demo_steps.plan), demo_steps).relative_noise
    assert 0.5 * whole < total < 2 * whole


def test_the_stem_is_the_worst_of_the_static_network(noises: Noises) -> None:
    def of_block(prefix: str) -> float:
        return sum(
            noise.relative_noise
            for (name, kind), noise in noises.items()
            if kind is LayerScheme.STATIC and name.startswith(prefix)
        )

    assert of_block("stem.") > max(of_block(f"blocks.{index}.") for index in range(14))


def test_the_scheme_of_the_plan_does_not_matter(demo_steps: Demo, noises: Noises) -> None:
    """A layer that the plan leaves in float is measured all the same, and the others are not touched by it."""
    plan = demo_steps.plan.with_schemes({"blocks.1.up": LayerScheme.FLOAT, "head": LayerScheme.DYNAMIC})
    found = measure(plan, demo_steps.images[:IMAGES], kinds=(LayerScheme.STATIC,))
    for name in plan.layers:
        expected = noises[name, LayerScheme.STATIC].relative_noise
        assert found[name, LayerScheme.STATIC].relative_noise == pytest.approx(expected, rel=1e-9), name


def test_flips_are_counted_against_the_float_network(noises: Noises) -> None:
    """The labels are what float says: it is always right, and every disagreement is a flip lost."""
    for noise in noises.values():
        assert noise.reference_counts.samples == noise.reference_counts.top1 == IMAGES
        assert noise.comparison.gained == 0
        assert noise.comparison.lost == IMAGES - noise.comparison.same == IMAGES - noise.counts.top1


def test_without_labels_nothing_is_counted(demo_steps: Demo) -> None:
    heard: list[int] = []
    batches = [(demo_steps.images[:1], None), (demo_steps.images[1:3], None)]
    found = layer_noise(demo_steps.plan, batches, (Rounded.WEIGHTS,), heard.append)
    assert heard == [1, 2]
    assert {noise.comparison.samples for noise in found.values()} == {3}
    assert {noise.counts.samples for noise in found.values()} == {0}


def test_float_logits_are_computed_once_for_all_passes(demo_steps: Demo) -> None:
    computed: list[int] = []
    network, networks = deepcopy(demo_steps.deploy), {"static": simulate(demo_steps.plan)}
    network.register_forward_hook(lambda _network, inputs, _logits: computed.append(len(inputs[0])))
    reference = FloatLogits(network)
    labelled = [(images, [0] * len(images)) for images in torch.split(demo_steps.images[:5], 3)]
    noises = [network_noise(reference, networks, labelled)["static"] for _ in range(2)]
    assert computed == [3, 2]
    assert noises[0] == noises[1]
    assert noises[0].comparison.samples == 5
    assert noises[0].comparison.noise.value > 0
