"""The quantized graph holds the parameters that calibration and weights ask for, and nothing else is quantized."""

from dataclasses import replace

import pytest
import torch
from torch.fx import Node

from levit_edge.bundle.recipe import LayerScheme
from levit_edge.errors import QuantizationError
from levit_edge.quantize.quantizer import LevitQuantizer, capture, layer_name, quantize_graph
from levit_edge.quantize.ranges.affine import LayerRanges, Range
from levit_edge.quantize.schemes import quantizable_layers
from levit_edge.quantize.weights.weights import LARGEST_BIAS, weight_scales
from tests.quantize.conftest import Demo

QUANTIZE = torch.ops.quantized_decomposed.quantize_per_tensor.default
DEQUANTIZE = torch.ops.quantized_decomposed.dequantize_per_tensor.default
DEQUANTIZE_WEIGHT = torch.ops.quantized_decomposed.dequantize_per_channel.default
LAYERS = (torch.ops.aten.conv2d.default, torch.ops.aten.linear.default)


def layer_nodes(demo: Demo) -> dict[str, Node]:
    return {layer_name(node): node for node in demo.graph.graph.nodes if node.target in LAYERS}


def parameters(node: Node) -> tuple[object, object]:
    """Scale and zero point of a quantize or dequantize node."""
    return node.args[1], node.args[2]


def test_every_layer_is_quantized_with_its_parameters(demo_steps: Demo) -> None:
    nodes = layer_nodes(demo_steps)
    assert set(nodes) == set(quantizable_layers(demo_steps.deploy))
    for name, node in nodes.items():
        activation, weight = node.args[:2]
        assert isinstance(activation, Node)
        assert isinstance(weight, Node)
        assert activation.target is DEQUANTIZE, name
        assert weight.target is DEQUANTIZE_WEIGHT, name
        assert [user.target for user in node.users] == [QUANTIZE], name
        expected_input = demo_steps.plan.layers[name].ranges.input.affine()
        assert parameters(activation) == (pytest.approx(expected_input.scale), expected_input.zero_point), name
        expected_output = demo_steps.plan.layers[name].ranges.output.affine()
        (quantized,) = node.users
        assert parameters(quantized) == (pytest.approx(expected_output.scale), expected_output.zero_point), name


def test_weights_are_rounded_per_output_channel(demo_steps: Demo) -> None:
    layer = quantizable_layers(demo_steps.deploy)["blocks.1.up"]
    scales = weight_scales(layer, demo_steps.plan.layers["blocks.1.up"].ranges)
    torch.testing.assert_close(scales, layer.weight.abs().amax(1) / 127)
    weight = layer_nodes(demo_steps)["blocks.1.up"].args[1]
    assert isinstance(weight, Node)
    stored = getattr(demo_steps.graph, str(weight.args[0].target))  # type: ignore[union-attr]
    assert stored.dtype is torch.int8
    assert torch.equal(stored.float(), (layer.weight / scales[:, None]).round().clamp(-127, 127))


def test_nothing_but_layers_is_quantized(demo_steps: Demo) -> None:
    for node in demo_steps.graph.graph.nodes:
        if node.target is QUANTIZE:
            assert {user.target for user in node.users} == {DEQUANTIZE}
            from_layer = node.args[0].target in LAYERS
            readers = {reader.target for user in node.users for reader in user.users}
            assert from_layer or readers <= set(LAYERS)


def test_the_graph_is_close_to_float(demo_steps: Demo) -> None:
    with torch.no_grad():
        expected = demo_steps.deploy(demo_steps.images)
        found = torch.cat([demo_steps.graph(image[None]) for image in demo_steps.images])
    noise = (found - expected).square().sum()
    assert 0 < noise < 0.01 * expected.square().sum()  # better than 20 dB, and not float after all


def test_float_layers_stay_in_float(demo_steps: Demo) -> None:
    in_float = {name: LayerScheme.FLOAT for name in demo_steps.plan.layers if name.startswith(("stem", "head"))}
    graph = quantize_graph(demo_steps.plan.with_schemes(in_float))
    for node in graph.graph.nodes:
        if node.target in LAYERS:
            assert (node.args[1].target is DEQUANTIZE_WEIGHT) != (layer_name(node) in in_float)


def test_a_dead_channel_does_not_overflow_its_bias() -> None:
    layer = torch.nn.Linear(4, 2)
    with torch.no_grad():
        layer.weight[0] = 0
        layer.bias.copy_(torch.tensor([3.0, 1.0]))
    ranges = LayerRanges(input=Range(minimum=0, maximum=0.255), output=Range(minimum=-4, maximum=4))
    scales = weight_scales(layer, ranges)
    assert (layer.bias.abs() / (scales * 1e-3)).max() <= LARGEST_BIAS * 1.001
    assert scales[1] == layer.weight[1].abs().max() / 127


def test_every_multiplier_is_one_that_xnnpack_takes() -> None:
    layer = torch.nn.Linear(4, 2)
    with torch.no_grad():
        layer.weight[0] = 1e-30
        layer.bias.zero_()
    ranges = LayerRanges(input=Range(minimum=0, maximum=1e-3), output=Range(minimum=-40, maximum=40))
    multipliers = weight_scales(layer, ranges) * ranges.input.affine().scale / ranges.output.affine().scale
    assert multipliers.min() >= 2.0**-31


def test_a_plan_of_another_network_is_refused(demo_steps: Demo) -> None:
    plan = replace(
        demo_steps.plan, layers={name: each for name, each in demo_steps.plan.layers.items() if name != "head"}
    )
    with pytest.raises(QuantizationError, match="head is not in the plan"):
        LevitQuantizer(plan).annotate(capture(demo_steps.deploy))
