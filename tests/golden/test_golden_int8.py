"""INT8 of all five sizes, with the golden weights: random ones, which no quantizer was tuned on."""

import resource
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest
import torch

from levit_edge.bundle.recipe import Recipe
from levit_edge.errors import QuantizationError
from levit_edge.model.checkpoint import read_checkpoint
from levit_edge.model.config import OFFICIAL_SIZES
from levit_edge.model.fuse import fuse
from levit_edge.quantize.analysis.simulate import simulate
from levit_edge.quantize.float16_bounds import check_float16
from tests.golden.test_golden_logits import Golden, golden
from tests.quantize.conftest import plan_of

__all__ = ["golden"]

LEAST_SQNR_DB = 20.0
"""Seen: 30 dB."""
MOST_MEMORY_BYTES = 16 * 2**30
IN_FLOAT16 = ("128S", "256")
"""Random weights make scores that grow from block to block: seen are 14,204 in the last of 384, 7,497 and 4,456 in
those of 128 and 192, 2,863 in that of 256."""


@pytest.mark.export
@pytest.mark.parametrize("size", OFFICIAL_SIZES)
def test_int8_is_close_to_fp32_and_the_rest_fits_into_float16_or_is_refused(
    golden: Golden, size: str, tmp_path: Path
) -> None:
    torch.save({"model": golden.state(f"facebook/{size}")}, tmp_path / "levit.pth")
    deploy = fuse(read_checkpoint(tmp_path / "levit.pth").model)
    images = torch.from_numpy(golden.weights.images(12, 7))
    plan = plan_of(deploy, images[:8], Recipe())
    with nullcontext() if size in IN_FLOAT16 else refused():
        check_float16(plan)
    with torch.inference_mode():
        expected, found = deploy(images[8:]), simulate(plan)(images[8:])
    assert 10 * torch.log10(expected.square().sum() / (found - expected).square().sum()) >= LEAST_SQNR_DB
    assert found.std() > 0.1 * expected.std()
    if sys.platform == "linux":
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < MOST_MEMORY_BYTES


def refused() -> AbstractContextManager[object]:
    return pytest.raises(QuantizationError, match=r"blocks\.2[46]: a score of its attention can be as large as")
