"""A file written as the original code, timm or Transformers writes it gives the logits that they give."""

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from levit_edge.model.checkpoint import Checkpoint, read_checkpoint
from levit_edge.model.config import OFFICIAL_SIZES
from levit_edge.model.key_maps import CheckpointFormat

SEED = 7
TOLERANCE = 1e-5
"""Of the largest magnitude of the logits: float32 sums in another order; measured 3.0e-6 at most over the 15 pairs."""


class Golden:
    """The references: weights by seed, and the logits of implementations that were not written here."""

    def __init__(self, folder: Path) -> None:
        spec = importlib.util.spec_from_file_location("golden_weights", folder / "weights.py")
        assert spec is not None
        assert spec.loader is not None
        self.weights = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.weights)
        self.manifests: dict[str, dict[str, Any]] = json.loads((folder / "manifests.json").read_text())
        self.logits: Mapping[str, np.ndarray[Any, Any]] = np.load(folder / "logits.npz")
        self.images = torch.from_numpy(self.weights.images(2, SEED))

    def state(self, pair: str) -> dict[str, Tensor]:
        arrays = self.weights.fill(self.manifests[pair]["floats"], SEED)
        return {key: torch.from_numpy(array) for key, array in arrays.items()}

    def difference(self, pair: str, checkpoint: Checkpoint) -> float:
        """The largest difference to the reference's logits, over their largest magnitude."""
        expected = torch.from_numpy(self.logits[pair.replace("/", "__")])
        with torch.inference_mode():
            return float((checkpoint.model(self.images) - expected).abs().max() / expected.abs().max())


@pytest.fixture(scope="module")
def golden(shared: Path) -> Golden:
    return Golden(shared / "golden")


@pytest.mark.parametrize("size", OFFICIAL_SIZES)
def test_original(golden: Golden, size: str, tmp_path: Path) -> None:
    pair = f"facebook/{size}"
    torch.save({"model": golden.state(pair)}, tmp_path / "levit.pth")
    checkpoint = read_checkpoint(tmp_path / "levit.pth")
    assert (checkpoint.format, checkpoint.config.name) == (CheckpointFormat.FACEBOOK, size)
    assert golden.difference(pair, checkpoint) <= TOLERANCE


@pytest.mark.parametrize("size", OFFICIAL_SIZES)
def test_timm(golden: Golden, size: str, tmp_path: Path) -> None:
    pair = f"timm/{size}"
    state = golden.state(pair)
    save_file(state, tmp_path / "model.safetensors")
    torch.save(state, tmp_path / "model.pth")
    checkpoint = read_checkpoint(tmp_path / "model.safetensors")
    assert (checkpoint.format, checkpoint.config.name) == (CheckpointFormat.TIMM, size)
    assert golden.difference(pair, checkpoint) <= TOLERANCE
    pickled = read_checkpoint(tmp_path / "model.pth").model.state_dict()
    assert all(torch.equal(tensor, pickled[key]) for key, tensor in checkpoint.model.state_dict().items())


@pytest.mark.parametrize("size", OFFICIAL_SIZES)
def test_hugging_face(golden: Golden, size: str, tmp_path: Path) -> None:
    pair = f"huggingface/{size}"
    (tmp_path / "config.json").write_text(json.dumps(golden.manifests[pair]["config"]))
    save_file(golden.state(pair), tmp_path / "model.safetensors")
    checkpoint = read_checkpoint(tmp_path)
    assert (checkpoint.format, checkpoint.config.name) == (CheckpointFormat.HUGGING_FACE, size)
    assert golden.difference(pair, checkpoint) <= TOLERANCE
