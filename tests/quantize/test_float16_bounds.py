"""Nothing that could leave float16 is exported in it; what cannot is not refused."""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from levit_edge.bundle.recipe import LayerScheme, Recipe, WeightRounding
from levit_edge.errors import QuantizationError
from levit_edge.model.deploy import DeployLeViT
from levit_edge.quantize import float16_bounds
from levit_edge.quantize.equalize import rescale_pair, rescale_stream, streams
from levit_edge.quantize.float16_bounds import HEADROOM, LARGEST, Interval, check_float16, check_onnx_float16
from levit_edge.quantize.plan import Plan
from levit_edge.quantize.ranges.affine import Range
from levit_edge.quantize.schemes import quantizable_layers
from levit_edge.quantize.schemes.registry import possible_schemes
from tests.quantize.conftest import Demo, plan_of
from tests.quantize.test_equalize import rescaled

EQUALIZED = Recipe(weight_rounding=WeightRounding.NEAREST)
LARGE, SMALL = 1e6, 5e-3
"""An emulated Cortex-A76 computes garbage with either, x86-64 with the first alone."""


def scaled_stream(deploy: DeployLeViT, number: int, factor: float) -> DeployLeViT:
    """The same function, with one residual stream multiplied by `factor`."""
    other = deepcopy(deploy)
    with torch.no_grad():
        stream = streams(other)[number]
        rescale_stream(stream, torch.full((stream.writers[0].weight.shape[0],), factor))
    return other


def all_in(plan: Plan, scheme: LayerScheme) -> Plan:
    layers = quantizable_layers(plan.deploy)
    return plan.with_schemes({name: scheme for name in layers if scheme in possible_schemes(name, layers[name])})


@pytest.mark.parametrize("scheme", LayerScheme)
def test_a_network_as_it_was_trained_fits(demo_steps: Demo, scheme: LayerScheme) -> None:
    check_float16(all_in(demo_steps.plan, scheme))


@pytest.mark.parametrize(
    ("number", "factor", "message"),
    [
        (0, LARGE, r"stem\.conv4: its result can be as large as [\d,]+, expected at most 32,768 for float16"),
        (1, LARGE, r"blocks\.2\.proj: its result can be as large as"),
        (2, SMALL, r"blocks\.11\.down: its results have steps of .*, expected at least 6\.1e-05 for float16"),
    ],
)
def test_streams_out_of_reach_are_refused_and_equalization_brings_them_back(
    demo_steps: Demo, number: int, factor: float, message: str
) -> None:
    hostile = scaled_stream(demo_steps.deploy, number, factor)
    with pytest.raises(QuantizationError, match=rf"({message}).*--no-float16.*--no-equalize"):
        check_float16(plan_of(hostile, demo_steps.images))
    check_float16(plan_of(hostile, demo_steps.images, EQUALIZED))


def test_additions_count(demo_steps: Demo) -> None:
    """Each of two writers fits, and the stream after the second does not."""
    plan = demo_steps.plan
    wide = Range(minimum=-0.6 * LARGEST, maximum=0.6 * LARGEST)
    layers = dict(plan.layers)
    for name in ("blocks.6.proj", "blocks.7.down"):
        layers[name] = replace(layers[name], ranges=replace(layers[name].ranges, output=wide))
    with pytest.raises(QuantizationError, match=r"blocks\.7\.down: the residual stream after it can be as large as"):
        check_float16(replace(plan, layers=layers))


def test_the_bias_of_a_channel_that_is_always_off_counts(demo_steps: Demo) -> None:
    layer = demo_steps.plan.layers["blocks.3.up"]
    bias = layer.bias.clone()
    bias[0] = -1e5
    plan = replace(demo_steps.plan, layers={**demo_steps.plan.layers, "blocks.3.up": replace(layer, bias=bias)})
    with pytest.raises(QuantizationError, match=r"blocks\.3\.up: a bias can be as large as 100,000"):
        check_float16(plan)


def test_rescaled_channels_fit_once_they_are_equalized(demo_steps: Demo) -> None:
    check_float16(plan_of(rescaled(demo_steps.deploy, seed=6), demo_steps.images, EQUALIZED))


def test_values_that_no_equalization_can_make_small_are_refused(demo_steps: Demo) -> None:
    other = deepcopy(demo_steps.deploy)
    with torch.no_grad():
        other.get_parameter("blocks.2.v.weight").mul_(LARGE)
    with pytest.raises(QuantizationError, match=r"blocks\.2\.v: its result can be as large as .* --no-float16"):
        check_float16(plan_of(other, demo_steps.images, EQUALIZED))


def test_scores_are_refused_for_their_attention(demo_steps: Demo) -> None:
    other = deepcopy(demo_steps.deploy)
    with torch.no_grad():
        q, k = other.get_submodule("blocks.4.q"), other.get_submodule("blocks.4.k")
        assert isinstance(q, torch.nn.Conv2d | torch.nn.Linear)
        assert isinstance(k, torch.nn.Linear)
        rescale_pair(q, k, torch.full((q.weight.shape[0],), 100.0))
        k.weight.mul_(LARGE / 100)
    with pytest.raises(QuantizationError, match=r"blocks\.4: a score of its attention can be as large as"):
        check_float16(plan_of(other, demo_steps.images, EQUALIZED))


def with_queries_across_keys(deploy: DeployLeViT) -> DeployLeViT:
    """The large channel of each head's queries in blocks.4 meets a small one of its keys, and the other way round."""
    other = deepcopy(deploy)
    with torch.no_grad():
        for channel, name in enumerate(("blocks.4.q", "blocks.4.k")):
            bias = other.get_parameter(f"{name}.bias")
            bias.view(other.get_buffer("blocks.4.bias").shape[0], -1)[:, channel] += 100.0
    return other


def test_scores_are_bounded_by_what_was_seen_of_them(demo_steps: Demo) -> None:
    plan = plan_of(with_queries_across_keys(demo_steps.deploy), demo_steps.images)
    check_float16(plan)
    with pytest.raises(QuantizationError, match=r"blocks\.4: a score of its attention can be as large as"):
        check_float16(replace(plan, scores={}))  # as in plans that were kept before


@pytest.mark.parametrize("sign", [-1, 1])
def test_scores_seen_too_near_the_end_are_refused(demo_steps: Demo, sign: int) -> None:
    plan = plan_of(with_queries_across_keys(demo_steps.deploy), demo_steps.images)
    largest = sign * LARGEST / HEADROOM
    seen = Range(minimum=min(largest, -1.0), maximum=max(largest, 1.0))
    with pytest.raises(QuantizationError, match=r"blocks\.4: a score of its attention can be as large as 32,7\d\d"):
        check_float16(replace(plan, scores=plan.scores | {"blocks.4": seen}))


def test_factors_of_the_stem_count(demo_steps: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(demo_steps.deploy, demo_steps.images, EQUALIZED)
    check_float16(plan)
    monkeypatch.setattr(float16_bounds, "LARGEST", 0.1)
    with pytest.raises(QuantizationError, match=r"stem\.conv1: a weight"):
        check_float16(plan)
    monkeypatch.setattr(float16_bounds, "LARGEST", LARGEST)
    plan.deploy.stem.get_buffer("scale3.factors")[0, 0] = 2.0**16
    with pytest.raises(QuantizationError, match=r"stem\.scale3: a factor can be as large as 65,536"):
        check_float16(plan)


def test_the_stems_bounds_hold_for_images_of_any_kind(demo_steps: Demo) -> None:
    """Pixels at their ends, chosen at random: farther from photographs than any image is."""
    plan = all_in(demo_steps.plan, LayerScheme.DYNAMIC)
    low, high = demo_steps.images.min(), demo_steps.images.max()
    generator = torch.Generator().manual_seed(0)
    images = torch.where(torch.rand(8, 3, 128, 128, generator=generator) < 0.5, low, high)
    with torch.no_grad():
        found = plan.deploy.stem(images).abs().amax((0, 2, 3))
        assert (found <= float16_bounds._stem(plan).magnitudes).all()


def test_the_stem_of_onnx_files_has_its_scaling_in_the_weights(demo_steps: Demo) -> None:
    plan = plan_of(demo_steps.deploy, demo_steps.images, EQUALIZED)
    dynamic = all_in(plan, LayerScheme.DYNAMIC)
    check_onnx_float16(dynamic)
    plan.deploy.stem.get_buffer("scale3.factors")[0, 0] = 2.0**16
    check_onnx_float16(all_in(plan, LayerScheme.STATIC))
    message = r"stem\.conv3: (a weight can be as large as|its inputs have steps of) .*--no-onnx-float16"
    with pytest.raises(QuantizationError, match=message):
        check_onnx_float16(dynamic)


@pytest.mark.parametrize(
    ("layer", "factor", "message"),
    [
        ("conv2", LARGE, r"stem\.conv2: a weight can be as large as"),
        ("conv1", LARGE, r"stem\.conv2: an input can be as large as"),
        ("conv2", 1e-6, r"stem\.conv2: its weights have steps of"),
    ],
)
def test_what_the_stem_of_onnx_files_cannot_hold_is_refused(
    demo_steps: Demo, layer: str, factor: float, message: str
) -> None:
    other = deepcopy(demo_steps.deploy)
    with torch.no_grad():
        other.get_parameter(f"stem.{layer}.weight").mul_(factor)
    with pytest.raises(QuantizationError, match=rf"{message} .*--no-onnx-float16"):
        check_onnx_float16(all_in(plan_of(other, demo_steps.images), LayerScheme.DYNAMIC))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_intervals_hold_and_are_reached(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    values = Interval(low=-torch.rand(5, generator=generator), high=torch.rand(5, generator=generator))
    weight, bias = torch.randn(4, 5, generator=generator), torch.randn(4, generator=generator)
    result = values.through(weight, bias)
    corners = torch.cartesian_prod(*torch.stack([values.low, values.high], 1)) @ weight.T + bias
    assert torch.allclose(corners.amax(0).clamp(min=0), result.high, atol=1e-5)
    assert torch.allclose(corners.amin(0).clamp(max=0), result.low, atol=1e-5)


def test_what_calibration_saw_bounds_what_nothing_else_does() -> None:
    values = Interval(low=torch.tensor([-100.0]), high=torch.tensor([100.0]))
    near = values.near(Range(minimum=-1.0, maximum=2.0))
    assert (float(near.low), float(near.high)) == (-HEADROOM, 2 * HEADROOM)
