"""The factors of channels make the predicted noise least, and the prediction is right."""

from copy import deepcopy

import pytest
import torch
from torch import Tensor

from levit_edge.quantize.channel_noise import RoundedTensor, Site, least_noise, observed
from levit_edge.quantize.schemes import quantizable_layers
from levit_edge.quantize.schemes.dynamic import rounded_dynamically
from tests.quantize.conftest import Demo


def tensor(high: list[float], sensitivity: list[float], low: list[float] | None = None) -> RoundedTensor:
    """One with a fixed range."""
    ends = torch.tensor([low or [0.0] * len(high)]), torch.tensor([high])
    return RoundedTensor(low=ends[0], high=ends[1], sensitivity=torch.tensor(sensitivity, dtype=torch.float64))


def noise(tensor: RoundedTensor, factors: Tensor) -> float:
    """The formula, word by word."""
    spread = (tensor.high * factors).amax(1) - (tensor.low * factors).amin(1)
    return float(spread.square().mean() * (tensor.sensitivity / factors.square()).sum())


def test_one_tensor_gets_equal_magnitudes() -> None:
    """What no other choice beats: all channels use the whole range."""
    one = tensor([1.0, 2.0, 0.5, 1.0], [1.0, 1.0, 1.0, 1.0])
    factors = least_noise([one])
    torch.testing.assert_close(factors * one.high[0] / (factors * one.high[0]).max(), torch.ones(4), rtol=0, atol=0.25)
    assert noise(one, factors) <= 1.1 * sum(each**2 for each in (1.0, 2.0, 0.5, 1.0))


def test_what_matters_gets_the_room() -> None:
    """Two tensors of the same channels that want opposite factors: the one that logits depend on wins."""
    wide, narrow = tensor([4.0, 1.0], [1000.0, 1000.0]), tensor([1.0, 4.0], [1.0, 1.0])
    factors = least_noise([wide, narrow])
    assert factors[1] / factors[0] == pytest.approx(4, rel=0.3)


@pytest.mark.parametrize("seed", range(5))
def test_no_random_change_of_the_factors_is_better(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    shape = (20, 12)
    one = RoundedTensor(
        low=-torch.rand(shape, generator=generator),
        high=torch.rand(shape, generator=generator) * torch.logspace(-1, 1, 12),
        sensitivity=torch.rand(12, generator=generator, dtype=torch.float64) * torch.logspace(1, -1, 12),
    )
    found = least_noise([one])
    best = noise(one, found)
    assert best < noise(one, torch.ones(12))
    for _ in range(200):
        other = found * (0.3 * torch.randn(12, generator=generator)).exp()
        assert noise(one, other) > 0.95 * best  # 0.95: the maximum is a soft one


def test_channels_that_do_not_matter_keep_their_factor() -> None:
    assert least_noise([tensor([0.0, 1.0, 1.0], [1.0, 0.0, 1.0])])[:2].tolist() == [1.0, 1.0]
    assert least_noise([tensor([0.0, 0.0], [0.0, 0.0])]).tolist() == [1.0, 1.0]


def test_the_prediction_is_what_rounding_does(demo_steps: Demo) -> None:
    """Of the head, whose input each image rounds by itself: there the first order is all there is."""
    deploy, images = deepcopy(demo_steps.deploy), demo_steps.images
    seen = observed(deploy, {"head": Site(readers=(deploy.head,), by_image=True)}, torch.split(images, 2))["head"]
    expected = noise(seen, torch.ones(seen.low.shape[1])) / (12 * 255**2)
    with torch.no_grad():
        exact = deploy(images)
        deploy.head.register_forward_pre_hook(lambda _layer, given: (rounded_dynamically(given[0]),))
        found = float((deploy(images) - exact).double().square().sum())
    assert expected == pytest.approx(found, rel=0.5)


def test_a_residual_stream_is_not_what_its_reader_reads(demo_steps: Demo) -> None:
    """What goes on past a layer is not rounded: its derivatives do not count."""
    deploy = deepcopy(demo_steps.deploy)
    with torch.no_grad():
        deploy.get_parameter("blocks.1.down.weight").zero_()
    up = quantizable_layers(deploy)["blocks.1.up"]
    seen = observed(deploy, {"up": Site(readers=(up,))}, [demo_steps.images])["up"]
    assert seen.sensitivity.tolist() == [0.0] * len(seen.sensitivity)


def test_all_that_read_one_tensor_count_together(demo_steps: Demo) -> None:
    """A query that is rounded wrongly as its key is: derivatives are summed before they are squared."""
    deploy = deepcopy(demo_steps.deploy)
    layers = {name: quantizable_layers(deploy)[f"blocks.0.{name}"] for name in "qkv"}
    sites = {name: Site(readers=(layer,)) for name, layer in layers.items()}
    sites["together"] = Site(readers=tuple(layers.values()))
    seen = observed(deploy, sites, [demo_steps.images])
    apart = torch.stack([seen[name].sensitivity for name in "qkv"]).sum(0)
    assert not torch.allclose(seen["together"].sensitivity, apart, rtol=0.01)
