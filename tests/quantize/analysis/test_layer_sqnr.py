import torch
from torch.nn import functional as F

from levit_edge.bundle.recipe import LayerScheme
from levit_edge.quantize.analysis.layer_noise import FloatLogits, network_noise
from levit_edge.quantize.analysis.layer_sqnr import layer_sqnr
from levit_edge.quantize.analysis.simulate import simulate
from tests.quantize.conftest import Demo

TOLERANCE_DB = 1e-3
"""Sums in float64 of the same float32 values in another order."""


def test_the_head_has_the_noise_of_the_logits(demo_steps: Demo) -> None:
    batches = [demo_steps.images[:8], demo_steps.images[8:]]
    plan = demo_steps.plan
    found = layer_sqnr(plan, batches)
    assert list(found) == list(plan.layers)
    noise = network_noise(FloatLogits(plan.deploy), {"": simulate(plan)}, [(images, None) for images in batches])[""]
    expected = noise.comparison.sqnr_db
    assert expected is not None
    assert found["head"] is not None
    assert abs(found["head"] - expected) < TOLERANCE_DB


def test_the_stem_is_compared_behind_its_hardswish(demo_steps: Demo) -> None:
    plan, name = demo_steps.plan, "stem.conv1"
    found = layer_sqnr(plan, [demo_steps.images])[name]
    with torch.inference_mode():
        expected, rounded = (
            F.hardswish(network.get_submodule(name)(demo_steps.images)) for network in (plan.deploy, simulate(plan))
        )
    by_hand = 10 * torch.log10(expected.square().sum() / (rounded - expected).square().sum())
    assert found is not None
    assert abs(found - float(by_hand)) < TOLERANCE_DB


def test_layers_in_float_have_no_noise_and_no_hook_stays(demo_steps: Demo) -> None:
    plan = demo_steps.plan.with_schemes(dict.fromkeys(demo_steps.plan.layers, LayerScheme.FLOAT))
    assert set(layer_sqnr(plan, [demo_steps.images]).values()) == {None}
    assert not any(module._forward_hooks for module in plan.deploy.modules())
