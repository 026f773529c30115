"""Bias correction takes back each layer's own mean shift."""

from dataclasses import replace

import pytest
import torch

from levit_edge.errors import QuantizationError
from levit_edge.quantize.schemes import quantizable_layers
from levit_edge.quantize.schemes.static import rounded_statically
from levit_edge.quantize.weights.bias_correction import mean_shifts
from tests.quantize.conftest import STATIC, Demo, plan_of


def test_the_mean_of_every_channel_is_restored(demo_steps: Demo) -> None:
    shifts = mean_shifts(demo_steps.deploy, demo_steps.plan.layers, torch.split(demo_steps.images, 7))
    layer, planned = quantizable_layers(demo_steps.deploy)["blocks.1.down"], demo_steps.plan.layers["blocks.1.down"]
    seen: list[torch.Tensor] = []
    hook = layer.register_forward_pre_hook(lambda _layer, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        demo_steps.deploy(demo_steps.images)
        hook.remove()
        rounded = rounded_statically(seen[0], planned.ranges.input) @ planned.weight.T + planned.bias
        expected = (layer(seen[0]) - rounded).mean(0)
    torch.testing.assert_close(shifts["blocks.1.down"], expected, rtol=1e-2, atol=1e-5)
    assert set(shifts) == set(demo_steps.plan.layers)
    assert shifts["blocks.1.down"].abs().max() > 0


def test_the_plan_carries_the_corrected_biases(demo_steps: Demo) -> None:
    corrected = plan_of(demo_steps.deploy, demo_steps.images, replace(STATIC, bias_correction=True))
    shifts = mean_shifts(demo_steps.deploy, demo_steps.plan.layers, torch.split(demo_steps.images, 5))
    for name, layer in corrected.layers.items():
        torch.testing.assert_close(layer.bias, demo_steps.plan.layers[name].bias + shifts[name])


def test_no_images_are_refused(demo_steps: Demo) -> None:
    with pytest.raises(QuantizationError, match="at least one image"):
        mean_shifts(demo_steps.deploy, demo_steps.plan.layers, [])
