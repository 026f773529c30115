"""What all tests share: the folder of references beside the repository, and photographs made on the spot."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from levit_edge.data.preprocess import Preprocessing

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared folder of references and images; LEVIT_EDGE_SHARED overrides where it is."""
    folder = Path(os.environ.get("LEVIT_EDGE_SHARED") or REPOSITORY.parent / "shared")
    if not (folder / "golden").is_dir():
        pytest.skip(f"no reference folder at {folder}: put it there or set LEVIT_EDGE_SHARED")
    return folder.resolve()


@pytest.fixture
def small() -> Preprocessing:
    """A protocol for 32-pixel squares: quick to decode."""
    return Preprocessing(image_size=32, resize=36, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))


@pytest.fixture
def photographs(tmp_path: Path) -> list[Path]:
    """100 photographs of 48 × 40 pixels, all different."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    paths = [folder / f"{index:03}.png" for index in range(100)]
    for index, path in enumerate(paths):
        pixels = np.random.default_rng(index).integers(0, 256, (40, 48, 3), np.uint8)
        Image.fromarray(pixels).save(path)
    return paths
