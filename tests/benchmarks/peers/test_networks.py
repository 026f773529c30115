"""timm's and Transformers' networks compute what the checkpoint's does, where they are installed."""

from pathlib import Path

import pytest
import torch
from torch import nn

from benchmarks.peers.networks import Library, fold, import_library, network, read_network, write_network
from levit_edge.demo import checkpoint_path
from levit_edge.model.checkpoint import Checkpoint, read_checkpoint

TOLERANCE = 1e-5
"""Of the largest logit: float32 sums in another order; seen: 6e-7 folded, equal otherwise."""


@pytest.fixture(scope="module")
def demo() -> Checkpoint:
    return read_checkpoint(checkpoint_path())


def difference(model: nn.Module, demo: Checkpoint) -> float:
    images = torch.randn(2, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = demo.model(images)
        return float((model(images) - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize("library", Library)
def test_same_weights_same_logits(library: Library, demo: Checkpoint, tmp_path: Path) -> None:
    pytest.importorskip(library)
    file = tmp_path / "weights.safetensors"
    assert difference(network(library, demo), demo) <= TOLERANCE
    write_network(library, demo, file)
    import_library(file)
    assert difference(read_network(file), demo) <= TOLERANCE


def test_timm_folds_every_batch_norm(demo: Checkpoint) -> None:
    pytest.importorskip("timm")
    folded = fold(network(Library.TIMM, demo))
    assert not [each for each in folded.modules() if isinstance(each, nn.BatchNorm1d | nn.BatchNorm2d)]
    assert difference(folded, demo) <= TOLERANCE
