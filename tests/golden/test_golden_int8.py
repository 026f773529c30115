"""INT8 of all five sizes, with the golden weights: random ones, which no quantizer was tuned on."""

import resource
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from levit_edge.bundle.recipe import Recipe
from levit_edge.model.checkpoint import read_checkpoint
from levit_edge.model.config import OFFICIAL_SIZES
from levit_edge.model.deploy import DeployLeViT
from levit_edge.model.fuse import fuse
from levit_edge.quantize.analysis.simulate import simulate
from levit_edge.quantize.export.executorch import export_executorch
from levit_edge.quantize.export.program import export_program
from levit_edge.quantize.float16_bounds import fit_float16
from levit_edge.quantize.float16_scores import Restored
from levit_edge.runtime.executorch_runner import ExecuTorchRunner
from tests.golden.test_golden_logits import Golden, golden
from tests.quantize.conftest import plan_of
from tests.quantize.test_float16 import in_float16

__all__ = ["golden"]

LEAST_SQNR_DB = 20.0
"""Seen: 30 dB."""
MOST_MEMORY_BYTES = 16 * 2**30
DIVIDED = {
    "128S": {},
    "128": {"blocks.26.restore": 4},
    "192": {"blocks.24.restore": 2, "blocks.26.restore": 4},
    "256": {"blocks.26.restore": 2},
    "384": {"blocks.22.restore": 2, "blocks.24.restore": 8, "blocks.26.restore": 16},
}
"""Random weights make scores that grow from block to block, up to 14,204 in the last of 384: there float16 has them
divided."""
NEAR_DB = 0.5
"""What float16 may cost. Seen on 16 images, on x86-64 and on a Cortex-A76: 0.1."""


def network(golden: Golden, size: str, folder: Path) -> DeployLeViT:
    torch.save({"model": golden.state(f"facebook/{size}")}, folder / "levit.pth")
    return fuse(read_checkpoint(folder / "levit.pth").model)


def sqnr_db(expected: Tensor, found: Tensor) -> float:
    return float(10 * torch.log10(expected.square().sum() / (found - expected).square().sum()))


@pytest.mark.export
@pytest.mark.parametrize("size", OFFICIAL_SIZES)
def test_int8_is_close_to_fp32_and_fits_into_float16(golden: Golden, size: str, tmp_path: Path) -> None:
    deploy = network(golden, size, tmp_path)
    images = torch.from_numpy(golden.weights.images(12, 7))
    plan = plan_of(deploy, images[:8], Recipe())
    modules = fit_float16(plan).deploy.named_modules()
    assert {name: each.divisor for name, each in modules if isinstance(each, Restored)} == DIVIDED[size]
    with torch.inference_mode():
        expected, found = deploy(images[8:]), simulate(plan)(images[8:])
    assert sqnr_db(expected, found) >= LEAST_SQNR_DB
    assert found.std() > 0.1 * expected.std()
    if sys.platform == "linux":
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 < MOST_MEMORY_BYTES


@pytest.mark.export
@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("size", ["128", "384"])
def test_scores_that_are_divided_cost_nothing(golden: Golden, size: str, tmp_path: Path) -> None:
    """In the file itself, of the smallest and the largest; and no pixels of any contrast make it give NaN."""
    deploy = network(golden, size, tmp_path)
    images = torch.from_numpy(golden.weights.images(24, 7))
    plan = plan_of(deploy, images[:8], Recipe())
    graph = in_float16(fit_float16(plan))
    runner = ExecuTorchRunner(export_executorch(export_program(graph, torch.zeros(1, *images.shape[1:]))))

    def run(images: Tensor) -> Tensor:
        return torch.stack([torch.from_numpy(runner.run(image[None].numpy())) for image in images])

    with torch.inference_mode():
        expected, int8 = deploy(images[8:]), simulate(plan)(images[8:])
    assert sqnr_db(expected, run(images[8:])) > sqnr_db(expected, int8) - NEAR_DB
    assert run(30 * images[8:10]).isfinite().all()
