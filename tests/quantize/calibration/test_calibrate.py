"""Calibration sees every tensor that is quantized, once."""

from collections.abc import Iterator
from copy import deepcopy
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from levit_edge.bundle.recipe import Recipe, WeightRounding
from levit_edge.errors import QuantizationError
from levit_edge.quantize.calibration.calibrate import calibrate, feeds_hardswish
from levit_edge.quantize.plan import make_plan
from levit_edge.quantize.quantizer import LAYER_OPERATORS, capture, layer_name
from levit_edge.quantize.ranges.affine import Range
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
    ranges = calibrate(demo_steps.deploy, [demo_steps.images], Recipe())
    assert set(ranges) == set(seen) == set(layers)
    for name, (inputs, output) in seen.items():
        assert ranges[name].input == Range(minimum=float(inputs.min()), maximum=float(inputs.max())), name
        low = max(float(output.min()), -3.0) if feeds_hardswish(name) else float(output.min())
        assert ranges[name].output == Range(minimum=low, maximum=float(output.max())), name


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


def test_ranges_of_scores_are_those_of_all_images(demo_steps: Demo) -> None:
    """Of every attention, whether its products become int8 or not; batches of 5 and of 1."""
    seen: dict[str, list[Tensor]] = {}

    def keep(found: list[Tensor], _module: nn.Module, _operands: tuple[Tensor, Tensor], scores: Tensor) -> None:
        found.append(scores)

    deploy = deepcopy(demo_steps.deploy)
    for name, module in deploy.named_modules():
        if name.endswith(".scores"):
            seen[name] = []
            module.register_forward_hook(partial(keep, seen[name]))
    recipe = Recipe(weight_rounding=WeightRounding.NEAREST, equalize=False, int8_attention=("blocks.0",))
    plan = make_plan(demo_steps.deploy, Tensors(demo_steps.images[:6]), recipe, Stages())
    with torch.inference_mode():
        for batch in torch.split(demo_steps.images[:6], 5):
            deploy(batch)
    assert plan.scores == {
        name.removesuffix(".scores"): Range(
            minimum=min(float(scores.min()) for scores in found), maximum=max(float(scores.max()) for scores in found)
        )
        for name, found in seen.items()
    }
    assert not any(demo_steps.deploy.get_submodule(name)._forward_hooks for name in seen)


def test_a_score_that_is_not_finite_is_refused(tiny_steps: Demo) -> None:
    """Softmax makes 0 of −∞, so that no layer after it would tell."""
    deploy = deepcopy(tiny_steps.deploy)
    with torch.no_grad():
        deploy.get_parameter("blocks.0.q.bias").fill_(-1e20)
        deploy.get_parameter("blocks.0.k.bias").fill_(1e20)
    with pytest.raises(QuantizationError, match=r"blocks\.0\.scores: an activation is NaN or infinite"):
        make_plan(deploy, Tensors(tiny_steps.images[:2]), Recipe(equalize=False), Stages())


def test_no_images_are_refused(demo_steps: Demo) -> None:
    with pytest.raises(QuantizationError, match="no activations"):
        calibrate(demo_steps.deploy, [], Recipe())


def test_a_broken_image_is_refused(demo_steps: Demo) -> None:
    with pytest.raises(QuantizationError, match=r"stem.conv1.input: an activation is NaN or infinite"):
        calibrate(demo_steps.deploy, [torch.full((1, 3, 128, 128), float("nan"))], Recipe())
