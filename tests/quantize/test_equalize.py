"""Equalization changes nothing in fp32, and undoes any rescaling of the channels."""

from copy import deepcopy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from levit_edge.errors import QuantizationError
from levit_edge.model.deploy import DeployLeViT
from levit_edge.model.fuse import relative_error
from levit_edge.quantize.analysis.simulate import simulate
from levit_edge.quantize.equalize import equalize, pairs, rescale_pair, rescale_stream, streams
from tests.quantize.conftest import Demo, plan_of

EXACT = 1e-5
"""float32 rounding; seen: 1e-6."""
SPREAD = 1000.0


def rescaled(deploy: DeployLeViT, seed: int, spread: float = SPREAD) -> DeployLeViT:
    """The same function with every residual stream and q/k pair scaled at random, `spread` from least to largest."""
    generator = torch.Generator().manual_seed(seed)

    def factors(channels: int) -> Tensor:
        return spread ** (torch.rand(channels, generator=generator) - 0.5)

    other = deepcopy(deploy)
    with torch.no_grad():
        for stream in streams(other):
            rescale_stream(stream, factors(stream.writers[0].weight.shape[0]))
        for q, k in pairs(other):
            rescale_pair(q, k, factors(q.weight.shape[0]))
    return other


def sqnr_db(deploy: DeployLeViT, images: Tensor, expected: Tensor) -> float:
    """Logit SQNR of plain INT8 made from `deploy`."""
    with torch.no_grad():
        found = simulate(plan_of(deploy, images))(images)
    return float(10 * torch.log10(expected.square().sum() / (found - expected).square().sum()))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), spread=st.floats(1, SPREAD))
def test_rescaling_is_exact(demo_steps: Demo, seed: int, spread: float) -> None:
    assert relative_error(demo_steps.deploy, rescaled(demo_steps.deploy, seed, spread)) <= EXACT


def test_equalizing_is_exact_and_leaves_the_original_alone(demo_steps: Demo) -> None:
    before = {name: weight.clone() for name, weight in demo_steps.deploy.named_parameters()}
    equalized = equalize(demo_steps.deploy, [demo_steps.images])
    assert relative_error(demo_steps.deploy, equalized) <= EXACT
    assert all(torch.equal(weight, before[name]) for name, weight in demo_steps.deploy.named_parameters())
    assert not torch.equal(equalized.get_parameter("head.weight"), before["head.weight"])


def test_every_layer_takes_part(demo_steps: Demo) -> None:
    readers = {layer for stream in streams(demo_steps.deploy) for layer in stream.readers}
    writers = {layer for stream in streams(demo_steps.deploy) for layer in stream.writers}
    names = {name: layer for name, layer in demo_steps.deploy.named_modules() if hasattr(layer, "weight")}
    assert {name for name, layer in names.items() if layer not in readers | writers} == {
        "stem.conv1",
        "stem.conv2",
        "stem.conv3",
    }


def test_the_result_does_not_depend_on_how_the_checkpoint_was_scaled(demo_steps: Demo) -> None:
    original = equalize(demo_steps.deploy, [demo_steps.images])
    undone = equalize(rescaled(demo_steps.deploy, seed=5), [demo_steps.images])
    for (name, weight), other in zip(original.named_parameters(), undone.parameters(), strict=True):
        torch.testing.assert_close(other, weight, rtol=1e-3, atol=1e-5, msg=name)


def test_int8_survives_a_rescaling_only_when_equalized(demo_steps: Demo) -> None:
    with torch.no_grad():
        expected = demo_steps.deploy(demo_steps.images)
    hostile = rescaled(demo_steps.deploy, seed=6)
    plain = sqnr_db(demo_steps.deploy, demo_steps.images, expected)
    assert sqnr_db(hostile, demo_steps.images, expected) < plain - 15
    assert sqnr_db(equalize(hostile, [demo_steps.images]), demo_steps.images, expected) > plain - 2


def test_dead_channels_keep_their_scale(demo_steps: Demo) -> None:
    dead = deepcopy(demo_steps.deploy)
    with torch.no_grad():
        for writer in streams(dead)[0].writers:
            writer.weight[0] = 0
            writer.get_parameter("bias")[0] = 0
    equalized = equalize(dead, [demo_steps.images])
    assert relative_error(dead, equalized) <= EXACT
    assert all(torch.isfinite(weight).all() for weight in equalized.parameters())


def test_no_images_are_refused(demo_steps: Demo) -> None:
    with pytest.raises(QuantizationError, match="at least one image"):
        equalize(demo_steps.deploy, [])
