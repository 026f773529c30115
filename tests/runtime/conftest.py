"""A bundle to damage, and a small real ExecuTorch program."""

import shutil
import warnings
from pathlib import Path

import pytest


@pytest.fixture
def bundle_path(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A copy of the tiny bundle that a test may change."""
    return shutil.copytree(tiny_bundle, tmp_path / "bundle")


@pytest.fixture(scope="session")
def small_pte() -> bytes:
    """A program with two XNNPACK delegates and one `cumsum` between them."""
    import torch
    from torch import Tensor, nn

    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, values: Tensor) -> Tensor:
            summed: Tensor = self.second(torch.cumsum(self.first(values), 1))
            return summed

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import to_edge_transform_and_lower

        program = torch.export.export(Small().eval(), (torch.zeros(1, 4),))
        lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
        return bytes(lowered.to_executorch().buffer)
