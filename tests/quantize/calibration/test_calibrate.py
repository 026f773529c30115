"""Calibration sees every tensor that is quantized, once."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from levit_edge.bundle.recipe import RangeMethod, Recipe
from levit_edge.errors import QuantizationError
from levit_edge.quantize.calibration.calibrate import calibrate, feeds_hardswish, input_site
from levit_edge.quantize.plan import make_plan
from levit_edge.quantize.quantizer import LAYER_OPERATORS, capture, layer_name
from levit_edge.quantize.ranges.affine import LayerRanges, Range
from levit_edge.quantize.ranges.margin import Margins
from levit_edge.quantize.schemes import quantizable_layers
from levit_edge.system.progress import Advance, Stages
from tests.quantize.conftest import Demo, Tensors


def test_ranges_are_those_of_the_tensors(demo_steps: Demo) -> None:
    seen: dict[str, tuple[Tensor, Tensor]] = {}
    layers = quantizable_layers(demo_steps.deploy)

    def keep(name: str, layer: nn.Module) -> torch.utils.hooks.RemovableHandle:
        return layer.register_forward_hook(lambda _m, inputs, output: seen.update({name: (inputs[0], output)}))

    hooks = [keep(name, layer) for name, layer in layers.items()]
    with torch.inference_mode():
        demo_steps.deploy(demo_steps.images)
    for hook in hooks:
        hook.remove()
    found, margins = calibrate(demo_steps.deploy, [demo_steps.images], Recipe()), Margins(demo_steps.deploy)
    assert set(found.ranges) == set(found.seen) == set(seen) == set(layers)
    for name, (inputs, output) in seen.items():
        whole = [Range(minimum=float(values.min()), maximum=float(values.max())) for values in (inputs, output)]
        assert found.seen[name] == LayerRanges(input=whole[0], output=whole[1]), name
        read, given = margins.widened(input_site(name), whole[0]), margins.widened(f"{name}.output", whole[1])
        low = max(given.minimum, -3.0) if feeds_hardswish(name) else given.minimum
        assert found.ranges[name] == LayerRanges(input=read, output=replace(given, minimum=low)), name


def test_what_was_seen_has_the_ends_that_ranges_leave_out(demo_steps: Demo) -> None:
    recipe = Recipe(range_method=RangeMethod.PERCENTILE, percentile=90)
    found = calibrate(demo_steps.deploy, [demo_steps.images], recipe)
    assert found.seen == calibrate(demo_steps.deploy, [demo_steps.images], Recipe()).seen
    for name, seen in found.seen.items():
        assert found.ranges[name].input.maximum < seen.input.maximum, name


def test_query_key_and_value_share_their_input(demo_steps: Demo) -> None:
    for name, layer in demo_steps.plan.layers.items():
        if name.endswith((".k", ".v")):
            assert layer.ranges.input == demo_steps.plan.layers[name[:-1] + "q"].ranges.input


def test_what_feeds_hardswish_is_known(demo_steps: Demo) -> None:
    graph = capture(demo_steps.deploy)
    fed = {
        layer_name(node)
        for node in graph.graph.nodes
        if node.target in LAYER_OPERATORS and {user.target for user in node.users} == {torch.ops.aten.hardswish.default}
    }
    assert fed == {name for name in quantizable_layers(demo_steps.deploy) if feeds_hardswish(name)}


def test_no_hook_stays(demo_steps: Demo) -> None:
    assert not any(layer._forward_hooks for layer in quantizable_layers(demo_steps.deploy).values())


def test_one_pass_serves_ranges_and_rounding(demo_steps: Demo) -> None:
    passes: list[int] = []

    class Counted(Tensors):
        def tensors(self, advance: Advance) -> Iterator[Tensor]:
            passes.append(len(self))
            yield from super().tensors(advance)

    make_plan(demo_steps.deploy, Counted(demo_steps.images[:2]), Recipe(equalize=False), Stages())
    assert passes == [2]
    assert not any(layer._forward_pre_hooks for layer in quantizable_layers(demo_steps.deploy).values())


def test_no_images_are_refused(demo_steps: Demo) -> None:
    with pytest.raises(QuantizationError, match="no activations"):
        calibrate(demo_steps.deploy, [], Recipe())


def test_a_broken_image_is_refused(demo_steps: Demo) -> None:
    with pytest.raises(QuantizationError, match=r"stem.conv1.input: an activation is NaN or infinite"):
        calibrate(demo_steps.deploy, [torch.full((1, 3, 128, 128), float("nan"))], Recipe())
