"""The published figures, and what follows from a configuration."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from levit_edge.model.config import CONFIGS, OFFICIAL_SIZES
from levit_edge.model.deploy import DeployLeViT
from levit_edge.model.macs import multiply_adds

PUBLISHED = {
    "128S": ("LeViT-128S-96703c44.pth", 76.6, 92.9),
    "128": ("LeViT-128-b88c2750.pth", 78.6, 94.0),
    "192": ("LeViT-192-92712e41.pth", 80.0, 94.7),
    "256": ("LeViT-256-13b5763e.pth", 81.6, 95.4),
    "384": ("LeViT-384-9bdaf2e2.pth", 82.6, 96.0),
}
PUBLISHED_MEGA_MACS = {"128S": 305, "128": 406, "192": 658, "256": 1120, "384": 2353}
"""Table 2 of the paper; its counting differs from ours by less than one percent."""


def test_official_weights() -> None:
    assert set(OFFICIAL_SIZES) == set(PUBLISHED)
    for size, (file_name, top1, top5) in PUBLISHED.items():
        weights = CONFIGS[size].weights
        assert weights is not None
        assert weights.url == f"https://dl.fbaipublicfiles.com/LeViT/{file_name}"
        assert weights.sha256_prefix in file_name
        assert (weights.top1, weights.top5) == (top1, top5)


@pytest.mark.parametrize("size", PUBLISHED)
def test_multiply_adds_of_the_paper(size: str) -> None:
    assert multiply_adds(CONFIGS[size]) / 1e6 == pytest.approx(PUBLISHED_MEGA_MACS[size], rel=0.01)


@pytest.mark.parametrize("size", ["demo", "128S"])
def test_multiply_adds_are_those_of_the_deploy_form(size: str) -> None:
    config = CONFIGS[size]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        DeployLeViT(config).eval()(torch.zeros(1, 3, config.image_size, config.image_size))
    assert counter.get_total_flops() == 2 * multiply_adds(config)


def test_the_demo_is_small() -> None:
    deploy = DeployLeViT(CONFIGS["demo"])
    assert sum(parameter.numel() for parameter in deploy.parameters()) <= 700_000
    assert CONFIGS["demo"].image_size == 128
