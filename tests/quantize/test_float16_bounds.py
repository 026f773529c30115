"""Nothing that could leave float16 is exported in it; what cannot is not refused."""

from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from levit_edge.bundle.recipe import LayerScheme, RangeMethod, Recipe, WeightRounding
from levit_edge.data.preprocess import Preprocessing, normalise
from levit_edge.errors import QuantizationError
from levit_edge.model.deploy import DeployLeViT
from levit_edge.quantize import float16_bounds
from levit_edge.quantize.analysis.simulate import simulate
from levit_edge.quantize.equalize import rescale_stream, streams
from levit_edge.quantize.float16_bounds import (
    FOREIGN_HEADROOM,
    HEADROOM,
    LARGEST,
    MOST_DIVISOR,
    Interval,
    check_onnx_float16,
    fit_float16,
)
from levit_edge.quantize.float16_scores import Restored, ScoreLimit
from levit_edge.quantize.plan import Plan
from levit_edge.quantize.ranges.affine import Range
from levit_edge.quantize.schemes import quantizable_layers
from levit_edge.quantize.schemes.registry import possible_schemes
from tests.quantize.conftest import STATIC, Demo, plan_of
from tests.quantize.test_equalize import rescaled

EQUALIZED = Recipe(weight_rounding=WeightRounding.NEAREST)
LARGE, SMALL = 1e6, 5e-3
"""An emulated Cortex-A76 computes garbage with either, x86-64 with the first alone."""


def with_large_scores(deploy: DeployLeViT, factor: float) -> DeployLeViT:
    """Queries and keys of three attentions times `factor`."""
    other = deepcopy(deploy)
    with torch.no_grad():
        for layer in (f"blocks.{block}.{part}" for block in (0, 2, 4) for part in "qk"):
            for parameter in other.get_submodule(layer).parameters():
                parameter.mul_(factor)
    return other


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
def test_a_network_as_it_was_trained_fits_as_it_is(demo_steps: Demo, scheme: LayerScheme) -> None:
    plan = all_in(demo_steps.plan, scheme)
    assert fit_float16(plan) is plan


@pytest.mark.parametrize(
    ("number", "factor", "message"),
    [
        (0, LARGE, r"stem\.conv4: its result can be as large as [\d,]+, expected at most 32,768 for float16"),
        (1, LARGE, r"blocks\.2\.proj: its result can be as large as"),
        (2, SMALL, r"blocks\.1[13]\.down: its results have steps of .*, expected at least 6\.1e-05 for float16"),
    ],
)
def test_streams_out_of_reach_are_refused_and_equalization_brings_them_back(
    demo_steps: Demo, number: int, factor: float, message: str
) -> None:
    hostile = scaled_stream(demo_steps.deploy, number, factor)
    with pytest.raises(QuantizationError, match=rf"({message}).*--no-float16.*--no-equalize"):
        fit_float16(plan_of(hostile, demo_steps.images))
    fit_float16(plan_of(hostile, demo_steps.images, EQUALIZED))


def test_additions_count(demo_steps: Demo) -> None:
    """Each of two writers fits, and the stream after the second does not."""
    plan = demo_steps.plan
    wide = Range(minimum=-0.6 * LARGEST, maximum=0.6 * LARGEST)
    layers = dict(plan.layers)
    for name in ("blocks.6.proj", "blocks.7.down"):
        layers[name] = replace(layers[name], ranges=replace(layers[name].ranges, output=wide))
    with pytest.raises(QuantizationError, match=r"blocks\.7\.down: the residual stream after it can be as large as"):
        fit_float16(replace(plan, layers=layers))


def test_the_bias_of_a_channel_that_is_always_off_counts(demo_steps: Demo) -> None:
    layer = demo_steps.plan.layers["blocks.3.up"]
    bias = layer.bias.clone()
    bias[0] = -1e5
    plan = replace(demo_steps.plan, layers={**demo_steps.plan.layers, "blocks.3.up": replace(layer, bias=bias)})
    with pytest.raises(QuantizationError, match=r"blocks\.3\.up: a bias can be as large as 100,000"):
        fit_float16(plan)


def test_rescaled_channels_fit_once_they_are_equalized(demo_steps: Demo) -> None:
    fit_float16(plan_of(rescaled(demo_steps.deploy, seed=6), demo_steps.images, EQUALIZED))


def test_values_that_no_equalization_can_make_small_are_refused(demo_steps: Demo) -> None:
    other = deepcopy(demo_steps.deploy)
    with torch.no_grad():
        other.get_parameter("blocks.2.v.weight").mul_(LARGE)
    with pytest.raises(QuantizationError, match=r"blocks\.2\.v: its result can be as large as .* --no-float16"):
        fit_float16(plan_of(other, demo_steps.images, EQUALIZED))


def with_output(plan: Plan, names: Iterable[str], largest: float) -> Plan:
    """The plan with static layers that may give as much, on either side."""
    wide, layers = Range(minimum=-largest, maximum=largest), dict(plan.layers)
    for name in names:
        layers[name] = replace(layers[name], ranges=replace(layers[name].ranges, output=wide))
    return replace(plan, layers=layers)


def divisors(plan: Plan) -> dict[str, float]:
    """Of those attentions whose scores are divided, in the file of that plan."""
    fitted = fit_float16(plan).deploy.named_modules()
    return {name: float(module.divisor) for name, module in fitted if isinstance(module, Restored)}


@pytest.mark.parametrize(("largest", "divisor"), [(0.9, 1), (1.1, 2), (3.9, 4), (4.1, 8), (0.99 * 2**10, 2**10)])
def test_scores_that_do_not_fit_are_divided_by_as_little_as_they_need(
    demo_steps: Demo, largest: float, divisor: float
) -> None:
    """All channels of a query and a key at their ends."""
    deploy = demo_steps.plan.deploy
    channels = deploy.get_parameter("blocks.4.k.bias").numel() // len(deploy.get_buffer("blocks.4.bias"))
    plan = with_output(demo_steps.plan, ["blocks.4.q", "blocks.4.k"], (largest * LARGEST / channels) ** 0.5)
    assert divisors(plan) == ({"blocks.4.restore": divisor} if divisor > 1 else {})
    assert (fit_float16(plan) is plan) == (divisor == 1)


def with_int8_scores(steps: Demo, largest: float) -> Plan:
    """Of blocks.0, whose product may give as much."""
    plan = plan_of(steps.deploy, steps.images, replace(STATIC, int8_attention=("blocks.0",)))
    scores = replace(plan.products["blocks.0.scores"], output=Range(minimum=-1.0, maximum=largest))
    return replace(plan, products={**plan.products, "blocks.0.scores": scores})


@pytest.mark.parametrize(
    ("product", "part", "message"),
    [("scores", "left", "left operands"), ("context", "right", "right operands"), ("context", "output", "results")],
)
def test_steps_of_int8_products_count(demo_steps: Demo, product: str, part: str, message: str) -> None:
    plan, name = with_int8_scores(demo_steps, 1.0), f"blocks.0.{product}"
    fit_float16(plan)
    small = {part: Range(minimum=-SMALL / 4, maximum=SMALL / 4)}
    products = {**plan.products, name: replace(plan.products[name], **small)}
    with pytest.raises(QuantizationError, match=rf"blocks\.0\.{product}: its {message} have steps of .*--no-float16"):
        fit_float16(replace(plan, products=products))


def test_int8_scores_are_divided_as_their_own_range_asks(demo_steps: Demo) -> None:
    plan = with_int8_scores(demo_steps, 3 * LARGEST)
    fitted = fit_float16(plan)
    assert fitted.products["blocks.0.scores"].output == Range(minimum=-0.25, maximum=0.75 * LARGEST)
    scales = [each.products["blocks.0.scores"].left.affine().scale for each in (plan, fitted)]
    assert scales[0] == 4 * scales[1] == 4 * fitted.layers["blocks.0.q"].ranges.output.affine().scale
    assert fitted.products["blocks.0.context"] == plan.products["blocks.0.context"]


def test_scores_that_no_divisor_brings_back_are_refused(demo_steps: Demo) -> None:
    """Nor any that ARM would not take too many of them for zero with."""
    deploy = demo_steps.plan.deploy
    channels = deploy.get_parameter("blocks.4.k.bias").numel() // len(deploy.get_buffer("blocks.4.bias"))
    most = (1.01 * MOST_DIVISOR * LARGEST / channels) ** 0.5
    plan = with_output(demo_steps.plan, ["blocks.4.q", "blocks.4.k"], most)
    message = (
        r"blocks\.4: a score of its attention can be as large as [\d,]+, expected at most 33,554,432 .*--no-float16"
    )
    with pytest.raises(QuantizationError, match=message):
        fit_float16(plan)


def test_steps_of_queries_that_division_makes_too_small_are_refused(demo_steps: Demo) -> None:
    plan = with_int8_scores(demo_steps, LARGEST * MOST_DIVISOR / 2)
    with pytest.raises(QuantizationError, match=r"blocks\.0\.q: its results have steps of .*--no-float16"):
        fit_float16(plan)


def test_images_of_the_models_own_kind_may_give_more_than_those_that_calibrated(demo_steps: Demo) -> None:
    """Up to 21 times as much was seen, of queries and of keys: docs/accuracy.md."""
    assert FOREIGN_HEADROOM > 21
    plan = all_in(demo_steps.plan, LayerScheme.DYNAMIC)
    seen, channels = plan.layers["blocks.4.q"].seen.output, plan.layers["blocks.4.q"].weight.shape[1]
    stream = Interval.of(Range(minimum=-1e9, maximum=1e9), channels)
    foreign = replace(plan, own_images=False)
    for each, times in ((plan, HEADROOM), (foreign, FOREIGN_HEADROOM)):
        queries = float16_bounds._after(each, "blocks.4.q", stream).magnitudes
        assert float(queries.max()) == pytest.approx(times * max(-seen.minimum, seen.maximum))
    assert divisors(plan) == {}
    assert divisors(foreign) == {f"blocks.{block}.restore": 4.0 for block in (0, 4, 6, 10, 12)}
    assert divisors(replace(demo_steps.plan, own_images=False)) == {}  # whose static layers give what they can


def test_biases_of_attention_count(demo_steps: Demo) -> None:
    plan = replace(demo_steps.plan, deploy=deepcopy(demo_steps.deploy))
    plan.deploy.get_buffer("blocks.4.bias")[0, 0, 0] = -0.6 * LARGEST
    with pytest.raises(QuantizationError, match=r"blocks\.4: a bias of its attention can be as large as 19,661"):
        fit_float16(plan)


def test_divided_scores_compute_the_same(demo_steps: Demo) -> None:
    """To the last bit, where nothing is cut: a power of two changes no rounding."""
    recipe = replace(STATIC, int8_attention=("blocks.2",))
    plan = plan_of(with_large_scores(demo_steps.deploy, 100.0), demo_steps.images, recipe)
    fitted = fit_float16(plan)
    assert divisors(plan).keys() == {"blocks.0.restore", "blocks.2.restore", "blocks.4.restore"}
    for module in fitted.deploy.modules():
        if isinstance(module, Restored):
            module.cut = float("inf")
    with torch.no_grad():
        assert torch.equal(simulate(fitted)(demo_steps.images), simulate(plan)(demo_steps.images))


def test_what_is_over_the_limit_is_cut_in_half_precision() -> None:
    restored = Restored(ScoreLimit(divisor=4.0, largest=32000.0)).half()
    scores = torch.tensor([30000.0, -16000.0, 8000.0, -7999.0, 360.0]).half()
    assert torch.equal(restored(scores), torch.tensor([32000, -32000, 32000, -4 * 8000, 1440]).half())


def black_and_white(plan: Plan) -> Interval:
    return float16_bounds._pixels(plan, Preprocessing.from_config(plan.deploy.config))


def test_pixels_can_be_black_and_white_whatever_calibration_saw(demo_steps: Demo) -> None:
    preprocessing = Preprocessing.from_config(demo_steps.deploy.config)
    plan = plan_of(demo_steps.deploy, torch.full((4, 3, 128, 128), 0.01))
    found, known = float16_bounds._pixels(plan, None), float16_bounds._pixels(plan, preprocessing)
    assert torch.allclose(found.high, torch.tensor(0.01 * HEADROOM))
    foreign = float16_bounds._pixels(replace(plan, own_images=False), None)
    assert torch.allclose(foreign.high, torch.tensor(0.01 * FOREIGN_HEADROOM))
    for colour, ends in ((0, known.low), (255, known.high)):
        pixels = normalise(np.full((1, 1, 3), colour, np.uint8), preprocessing).flatten()
        assert np.allclose(ends.numpy(), pixels, rtol=1e-5)


@pytest.mark.parametrize(
    ("check", "remedy"), [(fit_float16, "--no-float16"), (check_onnx_float16, "--no-onnx-float16")], ids=["pte", "onnx"]
)
def test_bright_images_count_where_calibration_was_dark(
    demo_steps: Demo, check: Callable[[Plan, Preprocessing | None], object], remedy: str
) -> None:
    """A small deviation makes white large."""
    preprocessing = Preprocessing(image_size=128, resize=128, mean=(0.0,) * 3, std=(1e-3,) * 3)
    other = deepcopy(demo_steps.deploy)
    with torch.no_grad():
        other.get_parameter("stem.conv1.weight").mul_(100.0)
    plan = all_in(plan_of(other, 0.01 * demo_steps.images), LayerScheme.DYNAMIC)
    check(plan, None)
    with pytest.raises(QuantizationError, match=rf"stem\.conv1: a sum of its products can be as large as .*{remedy}"):
        check(plan, preprocessing)


@pytest.mark.parametrize("check", [fit_float16, check_onnx_float16], ids=["pte", "onnx"])
def test_an_image_that_float16_cannot_hold_is_refused(demo_steps: Demo, check: Callable[[Plan], object]) -> None:
    plan = all_in(plan_of(demo_steps.deploy, 1e4 * demo_steps.images), LayerScheme.DYNAMIC)
    with pytest.raises(QuantizationError, match=r"stem\.conv1: an input can be as large as"):
        check(plan)


def test_what_calibration_saw_counts_where_ranges_leave_out_ends(demo_steps: Demo) -> None:
    plan = all_in(plan_of(demo_steps.deploy, demo_steps.images, EQUALIZED), LayerScheme.DYNAMIC)
    recipe = replace(EQUALIZED, range_method=RangeMethod.PERCENTILE, percentile=60)
    clipped = all_in(plan_of(demo_steps.deploy, demo_steps.images, recipe), LayerScheme.DYNAMIC)
    assert clipped.layers["stem.conv2"].ranges != plan.layers["stem.conv2"].ranges
    assert clipped.layers["stem.conv2"].represented == plan.layers["stem.conv2"].seen
    assert clipped.layers["blocks.0.q"].represented.input == plan.layers["blocks.0.q"].seen.input
    assert all_in(clipped, LayerScheme.STATIC).layers["stem.conv2"].represented == clipped.layers["stem.conv2"].ranges
    found = [float16_bounds._stem(each, black_and_white(each)).magnitudes for each in (plan, clipped)]
    assert torch.allclose(found[0], found[1], rtol=0.05)  # weights of other int8 values


def test_factors_of_the_stem_count(demo_steps: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_of(demo_steps.deploy, demo_steps.images, EQUALIZED)
    fit_float16(plan)
    monkeypatch.setattr(float16_bounds, "LARGEST", 0.1)
    with pytest.raises(QuantizationError, match=r"stem\.conv1: an input"):
        fit_float16(plan)
    monkeypatch.setattr(float16_bounds, "LARGEST", LARGEST)
    plan.deploy.stem.get_buffer("scale3.factors")[0, 0] = 2.0**16
    with pytest.raises(QuantizationError, match=r"stem\.scale3: a factor can be as large as 65,536"):
        fit_float16(plan)


def test_the_stems_bounds_hold_for_images_of_any_kind(demo_steps: Demo) -> None:
    """Pixels at their ends, chosen at random: farther from photographs than any image is."""
    plan = all_in(demo_steps.plan, LayerScheme.DYNAMIC)
    low, high = demo_steps.images.min(), demo_steps.images.max()
    generator = torch.Generator().manual_seed(0)
    images = torch.where(torch.rand(8, 3, 128, 128, generator=generator) < 0.5, low, high)
    with torch.no_grad():
        found = plan.deploy.stem(images).abs().amax((0, 2, 3))
        assert (found <= float16_bounds._stem(plan, black_and_white(plan)).magnitudes).all()


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
        ("conv1", LARGE, r"stem\.conv1: a weight can be as large as"),
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


@pytest.mark.parametrize("change", ["second convolution", "size"])
def test_the_first_convolution_of_onnx_files_counts_only_in_phases(demo_steps: Demo, change: str) -> None:
    other = deepcopy(demo_steps.deploy)
    with torch.no_grad():
        other.get_parameter("stem.conv1.weight").mul_(1e-6)
    plan = all_in(plan_of(other, demo_steps.images), LayerScheme.DYNAMIC)
    with pytest.raises(QuantizationError, match=r"stem\.conv1: its weights have steps of"):
        check_onnx_float16(plan)
    if change == "size":
        plan.deploy.config = replace(plan.deploy.config, image_size=126)
    else:
        plan = plan.with_schemes({"stem.conv2": LayerScheme.STATIC})
    check_onnx_float16(plan)


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
    near = values.near(Range(minimum=-1.0, maximum=2.0), HEADROOM)
    assert (float(near.low), float(near.high)) == (-HEADROOM, 2 * HEADROOM)
