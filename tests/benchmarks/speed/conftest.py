"""A tiny ONNX file and images for it, and a listener that shows nothing."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.speed.contender import IMAGES, Workshop
from tests.conftest import colour_classifier


@pytest.fixture
def tiny_file(tmp_path: Path) -> Path:
    file = tmp_path / "tiny.onnx"
    file.write_bytes(colour_classifier(4 * np.eye(3)))
    return file


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    images = np.random.default_rng(0).normal(size=(3, 3, 32, 32)).astype(np.float32)
    np.save(tmp_path / IMAGES, images)
    return Workshop(folder=tmp_path, checkpoint=Path("none.pth"), size=None)
