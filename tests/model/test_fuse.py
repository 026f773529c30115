"""The deploy form computes what the trained network computes."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from levit_edge.errors import QuantizationError
from levit_edge.model.config import CONFIGS, LevitConfig
from levit_edge.model.deploy import DeployLeViT
from levit_edge.model.fuse import MAX_RELATIVE_ERROR, fuse, relative_error
from levit_edge.model.levit import LeViT

EXPECTED_RELATIVE_ERROR = 2e-5
"""float32 rounding through some forty layers; seen: at most 2e-6 for sane statistics."""


def randomised(config: LevitConfig, seed: int, spread: float = 1.0) -> LeViT:
    """A LeViT with random weights, attention biases and batch-norm statistics; one norm channel in ten is dead."""
    generator = torch.Generator().manual_seed(seed)

    def normal(like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=generator)

    model = LeViT(config).eval()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                alive = torch.rand(module.weight.shape, generator=generator) > 0.1
                module.weight.copy_(normal(module.weight) * alive)
                module.bias.copy_(0.3 * normal(module.bias))
                module.get_buffer("running_mean").copy_(normal(module.bias))
                module.get_buffer("running_var").copy_((spread * normal(module.bias)).exp())
        for name, parameter in model.named_parameters():
            if name.endswith("attention_biases"):
                parameter.copy_(normal(parameter))
    return model


@pytest.mark.parametrize("size", CONFIGS)
def test_every_size_is_exact(size: str) -> None:
    trained = randomised(CONFIGS[size], seed=1)
    assert relative_error(trained, fuse(trained)) <= EXPECTED_RELATIVE_ERROR


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    spread=st.floats(0, 2),
    image_size=st.sampled_from([64, 96, 128, 160]),
    distilled=st.booleans(),
    classes=st.integers(1, 20),
)
def test_random_statistics(seed: int, spread: float, image_size: int, distilled: bool, classes: int) -> None:
    config = replace(CONFIGS["demo"], image_size=image_size, distilled=distilled, classes=classes)
    trained = randomised(config, seed, spread)
    assert relative_error(trained, fuse(trained)) <= MAX_RELATIVE_ERROR


def test_a_batch_gives_what_single_images_give() -> None:
    deploy = fuse(randomised(CONFIGS["demo"], seed=2))
    images = torch.randn(3, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        singly = torch.cat([deploy(image[None]) for image in images])
        torch.testing.assert_close(deploy(images), singly, rtol=0, atol=1e-5 * float(singly.abs().max()))


def test_no_norm_is_left() -> None:
    kinds = {type(module) for module in fuse(randomised(CONFIGS["demo"], seed=3)).modules()}
    assert not kinds & {nn.BatchNorm1d, nn.BatchNorm2d}
    assert isinstance(fuse(randomised(CONFIGS["demo"], seed=3)), DeployLeViT)


def test_a_difference_is_refused() -> None:
    trained = randomised(CONFIGS["demo"], seed=4)
    with torch.no_grad():
        trained.get_submodule("blocks.0.m.qkv.bn").get_buffer("running_var").fill_(float("inf"))
        trained.get_submodule("blocks.0.m.qkv.bn").get_buffer("running_mean").fill_(float("inf"))
    with pytest.raises(QuantizationError, match="folding batch norm changed the logits by nan"):
        fuse(trained)
