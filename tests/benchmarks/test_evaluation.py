"""An int8 file beside its reference: two files whose answers are known, on pictures whose classes are."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.evaluation import Figures, compare, logits
from benchmarks.speed.contender import Engine
from levit_edge.data.classes import ModelClasses
from levit_edge.data.image_set import evaluation_images
from levit_edge.data.preprocess import Preprocessing
from levit_edge.runtime.evaluation.comparison import paired_interval
from tests.conftest import colour_classifier

COUNTS = {"blue": 6, "green": 10, "red": 16}
COLOURS = {"blue": (128, 128, 230), "green": (128, 230, 128), "red": (230, 128, 128)}
"""Half is zero for the network."""
IMAGES = sum(COUNTS.values())
RIGHT = np.eye(3)[:, ::-1]
"""Red is the last class."""


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    root = tmp_path / "pictures"
    for name, count in COUNTS.items():
        (root / name).mkdir(parents=True)
        for index in range(count):
            Image.new("RGB", (36, 36), COLOURS[name]).save(root / name / f"{index}.png")
    return root


def compared(pictures: Path, preprocessing: Preprocessing, candidate: np.ndarray) -> Figures:
    images = evaluation_images(pictures, ModelClasses(outputs=3))
    found = []
    for weights in (RIGHT, candidate):
        (file := pictures.with_name("model.onnx")).write_bytes(colour_classifier(weights))
        found.append(logits(Engine.ONNXRUNTIME, file, images, preprocessing))
    return compare(found[0], found[1], images.labels or ())


def test_drop_flips_and_agreement(pictures: Path, small: Preprocessing) -> None:
    """The candidate says red where it is green."""
    confused = RIGHT.copy()
    confused[1, 2] = 3
    found = compared(pictures, small, confused)
    lost = COUNTS["green"]
    assert found.fp32_top1 == 100
    assert (found.flips_lost, found.flips_gained) == (lost, 0)
    assert found.drop_pt == pytest.approx(100 * lost / IMAGES)
    assert found.top1 == found.agreement == pytest.approx(100 - found.drop_pt)
    assert found.drop_ci95_pt == paired_interval(lost, 0, IMAGES)


def test_noise_of_a_tenth_is_20_decibels(pictures: Path, small: Preprocessing) -> None:
    found = compared(pictures, small, 1.1 * RIGHT)
    assert found.sqnr_db == pytest.approx(20, abs=0.001)
    assert (found.drop_pt, found.agreement) == (0, 100)
    assert compared(pictures, small, RIGHT).sqnr_db is None
