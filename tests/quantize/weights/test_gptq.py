"""GPTQ: on the grid, and closer in output than rounding to nearest."""

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import nn

from levit_edge.model.deploy import DeployLeViT
from levit_edge.quantize.calibration.observe import observe
from levit_edge.quantize.ranges.affine import WEIGHT_MAX
from levit_edge.quantize.schemes import quantizable_layers
from levit_edge.quantize.weights.gptq import DAMPING, SecondMoments, round_with_compensation
from levit_edge.quantize.weights.weights import per_channel, round_to_nearest
from tests.quantize.conftest import Demo

SUM_TOLERANCE = 1e-4
"""Of the largest sum: float32 sums in another order."""


def correlated(count: int, channels: int, seed: int) -> torch.Tensor:
    """Inputs with a strong common part, as images have."""
    generator = torch.Generator().manual_seed(seed)
    own = torch.randn(count, channels, generator=generator)
    return own + 10 * torch.randn(count, 1, generator=generator)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**31), outputs=st.integers(1, 12), inputs=st.integers(1, 40))
def test_rounded_weights_are_on_the_grid(seed: int, outputs: int, inputs: int) -> None:
    values = correlated(200, inputs, seed)
    weight = torch.randn(outputs, inputs, generator=torch.Generator().manual_seed(seed + 1))
    scales = weight.abs().amax(1) / WEIGHT_MAX
    steps = round_with_compensation(weight, scales, values.T @ values) / per_channel(scales, weight)
    torch.testing.assert_close(steps, steps.round(), atol=1e-3, rtol=0)
    assert steps.abs().max() <= WEIGHT_MAX + 1e-3


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**31), outputs=st.integers(1, 12), inputs=st.integers(1, 40))
@example(seed=1, outputs=1, inputs=22)  # rounding to nearest is better there: each column is the best, not their sum
def test_each_column_leaves_at_most_half_a_step_that_later_ones_cannot_mend(
    seed: int, outputs: int, inputs: int
) -> None:
    """With room on the grid, the error is Σ r² d over the columns, r their rounding and H = U diag(d) Uᵀ, U unit upper.

    That is the bound of Chee et al., "QuIP", arXiv 2307.13304, theorem 1, which rounding to nearest does not keep.
    """
    values = correlated(200, inputs, seed)
    weight = torch.randn(outputs, inputs, generator=torch.Generator().manual_seed(seed + 1))
    scales = 2 * weight.abs().amax(1) / WEIGHT_MAX
    moments = values.T @ values
    damped = moments + DAMPING * moments.diagonal().mean() * torch.eye(inputs)
    order = moments.diagonal().argsort(descending=True)
    unmended = torch.linalg.cholesky(damped[order][:, order].double().flip(0, 1)).diagonal().square().sum()
    rounded = round_with_compensation(weight, scales, moments)
    error = (values @ (rounded - weight).T).square().sum()
    assert error <= (scales / 2).square().sum() * unmended * 1.001


def test_a_common_part_of_the_inputs_is_kept() -> None:
    values = correlated(1000, 27, seed=0)
    weight = torch.randn(16, 27, generator=torch.Generator().manual_seed(1))
    scales = weight.abs().amax(1) / WEIGHT_MAX
    compensated = (values @ (round_with_compensation(weight, scales, values.T @ values) - weight).T).square().sum()
    nearest = (values @ (round_to_nearest(weight, scales) - weight).T).square().sum()
    assert compensated < nearest / 10


def test_rounding_leaves_torch_its_threads() -> None:
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        round_with_compensation(torch.ones(2, 2), torch.ones(2), torch.eye(2))
        assert torch.get_num_threads() == 3
        with pytest.raises(IndexError):
            round_with_compensation(torch.ones(2, 2), torch.ones(2), torch.eye(3))
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(threads)


def test_dead_inputs_are_harmless() -> None:
    values = correlated(50, 8, seed=2)
    values[:, 3] = 0
    weight = torch.randn(4, 8, generator=torch.Generator().manual_seed(3))
    scales = weight.abs().amax(1) / WEIGHT_MAX
    for moments in (values.T @ values, torch.zeros(8, 8)):
        assert round_with_compensation(weight, scales, moments).isfinite().all()


def test_moments_are_those_of_what_each_layer_reads(demo_steps: Demo) -> None:
    seen: dict[str, torch.Tensor] = {}
    layers = quantizable_layers(demo_steps.deploy)
    hooks = [
        layer.register_forward_pre_hook(lambda _layer, inputs, name=name: seen.update({name: inputs[0]}))
        for name, layer in layers.items()
    ]
    found = SecondMoments(demo_steps.deploy)
    with torch.inference_mode():
        demo_steps.deploy(demo_steps.images[:4])
    for hook in (*hooks, *found.hooks):
        hook.remove()
    moments = {name: found.of(name) for name in layers}
    for name in ("blocks.0.q", "blocks.0.v", "blocks.4.v", "blocks.1.down", "head"):
        torch.testing.assert_close(moments[name], seen[name].T @ seen[name], msg=name)
    _check_convolution(layers["stem.conv1"], demo_steps.deploy, demo_steps.images[:4], moments["stem.conv1"])


def test_moments_add_up_over_batches(demo_steps: Demo) -> None:
    def moments(batches: tuple[torch.Tensor, ...]) -> SecondMoments:
        found = SecondMoments(demo_steps.deploy)
        observe(demo_steps.deploy, batches, found.hooks, "a test")
        return found

    whole, parts = (moments(torch.split(demo_steps.images[:4], size)) for size in (4, 1))
    for name in ("stem.conv1", "blocks.1.down", "blocks.4.v", "head"):
        largest = float(whole.of(name).abs().max())
        torch.testing.assert_close(parts.of(name), whole.of(name), rtol=0, atol=SUM_TOLERANCE * largest, msg=name)


def _check_convolution(layer: nn.Module, deploy: DeployLeViT, images: torch.Tensor, moments: torch.Tensor) -> None:
    """Σ y² of an output channel without its bias is w H wᵀ."""
    with torch.no_grad():
        output = layer(images) - deploy.get_parameter("stem.conv1.bias").view(1, -1, 1, 1)
        weight = deploy.get_parameter("stem.conv1.weight").flatten(1)
        expected = ((weight @ moments) * weight).sum(1)
    torch.testing.assert_close(output.square().sum((0, 2, 3)), expected, rtol=1e-3, atol=1e-3)
