"""Nothing holds on to networks and programs whose files are there."""

import gc

import pytest
import torch

from levit_edge.bundle.recipe import Recipe
from levit_edge.quantize.artifacts import export_all
from levit_edge.system.progress import Stages
from tests.quantize.conftest import Demo


def held_bytes() -> int:
    """By tensors that are in memory, each storage once."""
    gc.collect()
    kinds = torch.Tensor, torch.nn.Parameter
    storages = [
        each.untyped_storage() for each in gc.get_objects() if type(each) in kinds and each.device.type == "cpu"
    ]
    return sum({each.data_ptr(): each.nbytes() for each in storages}.values())


@pytest.mark.export
def test_weights_go_with_what_was_exported(tiny_steps: Demo) -> None:
    before = held_bytes()
    files = export_all(tiny_steps.deploy, tiny_steps.plan, Stages(), Recipe())
    weights = sum(each.nbytes for each in tiny_steps.deploy.parameters())
    assert len(files) == 5
    del files
    assert held_bytes() - before < weights / 10
