"""Untrained networks that are fit to be timed and quantized."""

import pytest
import torch
from torch import nn

from benchmarks.speed.random_weights import random_levit
from levit_edge.model.config import CONFIGS
from levit_edge.model.fuse import fuse

CONFIG = CONFIGS["demo"]


def test_nothing_is_dead_and_nothing_explodes() -> None:
    model = random_levit(CONFIG, seed=0)
    norms = [each for each in model.modules() if isinstance(each, nn.BatchNorm1d | nn.BatchNorm2d)]
    assert all(float(each.weight.min()) >= 0.5 for each in norms)
    assert all(parameter.count_nonzero() for parameter in model.parameters())
    logits = fuse(model)(torch.randn(8, 3, CONFIG.image_size, CONFIG.image_size))
    assert 0.1 < float(logits.std()) < 10  # seen: 1.3


def test_the_seed_decides() -> None:
    first, same, other = (random_levit(CONFIG, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not torch.equal(first["head.l.weight"], other["head.l.weight"])


@pytest.mark.parametrize("size", ["128S", "192"])
def test_other_sizes(size: str) -> None:
    assert bool(random_levit(CONFIGS[size], 0).head.l.weight.isfinite().all())
