"""INT8 of all five sizes, with the golden weights: random ones, which no quantizer was tuned on."""

import resource
import sys
from pathlib import Path

import pytest
import torch

from levit_edge.bundle.recipe import Recipe
from levit_edge.model.checkpoint import read_checkpoint
from levit_edge.model.config import OFFICIAL_SIZES
from levit_edge.model.fuse import fuse
from levit_edge.quantize.analysis.simulate import simulate
from tests.golden.test_golden_logits import Golden, golden
from tests.quantize.conftest import plan_of

__all__ = ["golden"]

LEAST_SQNR_DB = 20.0
"""Seen: 30 dB."""
MOST_MEMORY_BYTES = 16 * 2**30


@pytest.mark.export
@pytest.mark.parametrize("size", OFFICIAL_SIZES)
def test_int8_is_close_to_fp32(golden: Golden, size: str, tmp_path: Path) -> None:
    torch.save({"model": golden.state(f"facebook/{size}")}, tmp_path / "levit.pth")
    deploy = fuse(read_checkpoint(tmp_path / "levit.pth").model)
    images = torch.from_numpy(golden.weights.images(12, 7))
    plan = plan_of(deploy, images[:8], Recipe())
    with torch.inference_mode():
        expected, found = deploy(images[8:]), simulate(plan)(images[8:])
    assert 10 * torch.log10(expected.square().sum() / (found - expected).square().sum()) >= LEAST_SQNR_DB
    assert found.std() > 0.1 * expected.std()
    if sys.platform == "linux":
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < MOST_MEMORY_BYTES
