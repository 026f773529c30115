"""A layer alone computes what its plan says, in each scheme; no time decides anything here."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from levit_edge.bundle.kinds import Runtime
from levit_edge.bundle.recipe import LayerScheme
from levit_edge.model.deploy import DeployAttention, DeployShrinkingAttention
from levit_edge.model.macs import multiply_adds
from levit_edge.quantize.analysis import layer_cost
from levit_edge.quantize.analysis.layer_cost import (
    WARM_UP,
    LayerSite,
    Timing,
    export_alone,
    group_alike,
    layer_costs,
    layer_sites,
    run_in_turn,
)
from levit_edge.quantize.plan import Plan
from levit_edge.quantize.schemes import quantizable_layers
from levit_edge.quantize.schemes.dynamic import rounded_dynamically
from levit_edge.quantize.schemes.static import rounded_statically
from levit_edge.runtime.runner import open_runner
from tests.quantize.conftest import Demo

Alone = Callable[[str, LayerScheme], tuple[Plan, bytes]]
FLOAT_ERROR = 1e-4
"""Of the largest output: sums in another order."""


@pytest.fixture(scope="module")
def sites(demo_steps: Demo) -> dict[str, LayerSite]:
    return layer_sites(demo_steps.deploy, demo_steps.images[:1])


def test_every_layer_has_its_input(demo_steps: Demo, sites: dict[str, LayerSite]) -> None:
    assert list(sites) == list(demo_steps.plan.layers)
    assert torch.equal(sites["stem.conv1"].input, demo_steps.images[:1])
    assert sites["blocks.0.q"].input.shape == (64, 64)
    assert torch.equal(sites["blocks.0.q"].input, sites["blocks.0.k"].input)
    assert sites["blocks.2.q"].input.shape == (1, 64, 8, 8)
    assert sites["head"].input.shape == (1, 128)
    assert not any(layer._forward_hooks for layer in quantizable_layers(demo_steps.deploy).values())


def test_multiply_adds_are_those_of_the_network(demo_steps: Demo, sites: dict[str, LayerSite]) -> None:
    attention = 0
    for block in demo_steps.deploy.blocks:
        if isinstance(block, DeployAttention | DeployShrinkingAttention):
            _, queries, keys = block.bias.shape
            attention += queries * keys * (block.q.weight.shape[0] + block.v.weight.shape[0])
    layers = sum(site.multiply_adds for site in sites.values())
    assert layers + attention == multiply_adds(demo_steps.deploy.config)


def test_alike_are_layers_of_one_kind_and_shape(demo_steps: Demo, sites: dict[str, LayerSite]) -> None:
    groups = group_alike(quantizable_layers(demo_steps.deploy), sites)
    group_of = {name: group for group in groups for name in group}
    assert set(group_of) == set(demo_steps.plan.layers)
    assert len(group_of) == sum(map(len, groups))
    assert group_of["blocks.0.q"] == group_of["blocks.0.k"]
    assert group_of["blocks.4.q"] == group_of["blocks.6.k"]
    assert group_of["blocks.0.q"] != group_of["blocks.4.q"]  # more channels
    assert group_of["blocks.2.q"] == ("blocks.2.q",)  # a convolution
    assert group_of["blocks.2.k"] != group_of["blocks.0.k"]


@pytest.fixture(scope="module")
def alone(demo_steps: Demo, sites: dict[str, LayerSite]) -> Alone:
    """A plan in which a layer has other weights, and the file of that layer; each is made once."""

    @cache
    def made(name: str, scheme: LayerScheme) -> tuple[Plan, bytes]:
        planned = demo_steps.plan.layers[name]  # int8 weights and biases need not be those nearest to the float ones
        other = replace(planned, weight=-planned.weight, bias=planned.bias + 0.25)
        plan = replace(demo_steps.plan, layers=demo_steps.plan.layers | {name: other})
        return plan, export_alone(plan, name, sites[name].input, scheme)

    return made


@pytest.mark.export
@pytest.mark.parametrize("scheme", LayerScheme)
@pytest.mark.parametrize("name", ["stem.conv2", "blocks.1.up", "blocks.2.q"])
def test_a_layer_alone_computes_as_planned(
    sites: dict[str, LayerSite], alone: Alone, name: str, scheme: LayerScheme
) -> None:
    if name == "blocks.2.q" and scheme is LayerScheme.DYNAMIC:
        pytest.skip("a strided convolution is never dynamic")
    inputs = sites[name].input
    plan, program = alone(name, scheme)
    expected, step = expected_of(plan, name, inputs, scheme)
    found = open_runner(Runtime.EXECUTORCH, program).run(inputs.numpy())
    wrong = np.abs(found - expected) > FLOAT_ERROR * np.abs(expected).max()
    np.testing.assert_allclose(found, expected, atol=1.01 * step + FLOAT_ERROR * float(np.abs(expected).max()))
    assert wrong.mean() < 0.05


def expected_of(
    plan: Plan, name: str, inputs: Tensor, scheme: LayerScheme
) -> tuple[np.typing.NDArray[np.float32], float]:
    """What the first image or token gives, and the size of a step that rounding may be off by."""
    layer, planned = quantizable_layers(plan.deploy)[name], plan.layers[name]
    weight, bias = planned.weight, planned.bias
    if scheme is LayerScheme.FLOAT:
        weight, bias = layer.weight, layer.get_parameter("bias")
    rounded: Callable[[Tensor], Tensor] = {
        LayerScheme.FLOAT: lambda values: values,
        LayerScheme.STATIC: lambda values: rounded_statically(values, planned.ranges.input),
        LayerScheme.DYNAMIC: rounded_dynamically,
    }[scheme]
    with torch.no_grad():
        if isinstance(layer, nn.Conv2d):
            outputs = nn.functional.conv2d(rounded(inputs), weight, bias, layer.stride, layer.padding)
        else:
            outputs = nn.functional.linear(rounded(inputs), weight, bias)
        if scheme is LayerScheme.STATIC:
            outputs = rounded_statically(outputs, planned.ranges.output)
    step = 0.0
    if scheme is LayerScheme.STATIC:
        step = planned.ranges.output.affine().scale
    elif scheme is LayerScheme.DYNAMIC:  # an input on the edge between two steps
        step = float((inputs.max() - inputs.min()) / 255 * weight.abs().max())
    return outputs[0].numpy(), step


@pytest.mark.export
def test_each_scheme_that_a_layer_can_have_is_timed(
    demo_steps: Demo, sites: dict[str, LayerSite], alone: Alone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layer_cost, "export_alone", lambda _plan, name, _inputs, scheme: alone(name, scheme)[1])
    expected = {"blocks.1.up": set(LayerScheme), "blocks.2.q": {LayerScheme.STATIC, LayerScheme.FLOAT}}
    for name, schemes in expected.items():
        timings = layer_cost._time_alone(demo_steps.plan, name, sites[name].input, 3)
        assert set(timings) == schemes
        assert all(0 < timing.minimum_ms <= timing.median_ms for timing in timings.values())


class Recorder:
    """A runner that only says when it was run."""

    form = "anything"

    def __init__(self, name: str, log: list[str]) -> None:
        self.name, self.log = name, log

    def run(self, image: np.typing.NDArray[np.float32]) -> np.typing.NDArray[np.float32]:
        self.log.append(self.name)
        return image


def test_runners_take_turns() -> None:
    log: list[str] = []
    timings = run_in_turn({name: Recorder(name, log) for name in "abc"}, np.zeros((1, 1), np.float32), rounds=7)
    assert log == list("abc") * (WARM_UP + 7)
    assert list(timings) == list("abc")
    assert all(0 <= timing.minimum_ms <= timing.median_ms for timing in timings.values())


def test_layers_that_are_alike_share_one_measurement(
    demo_steps: Demo, sites: dict[str, LayerSite], monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[str] = []

    def time_alone(_plan: Plan, name: str, _inputs: Tensor) -> dict[LayerScheme, Timing]:
        measured.append(name)
        return {LayerScheme.FLOAT: Timing(median_ms=len(measured), minimum_ms=0)}

    monkeypatch.setattr(layer_cost, "_time_alone", time_alone)
    heard: list[int] = []
    costs = layer_costs(demo_steps.plan, sites, advance=heard.append)
    assert list(costs) == list(demo_steps.plan.layers)
    assert sum(heard) == len(costs)
    assert len(measured) == len(set(measured)) == len(group_alike(quantizable_layers(demo_steps.deploy), sites))
    assert costs["blocks.0.q"] == costs["blocks.0.k"]
    assert costs["blocks.0.q"] != costs["blocks.0.v"]
