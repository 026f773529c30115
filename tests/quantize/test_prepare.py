"""What a run is told about its images before it begins."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from levit_edge import demo
from levit_edge.bundle.recipe import Recipe
from levit_edge.data.options import ImageOptions, PreprocessingChanges
from levit_edge.errors import DataError
from levit_edge.quantize.prepare import Prepared, prepare
from levit_edge.system.progress import Stages

HINT = "128×128 already. They are enlarged to 146 pixels"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """As many images of the demo's input size as are looked at, and one more."""
    for number in range(33):
        save(tmp_path, number, 128)
    return tmp_path


def save(folder: Path, number: int, width: int) -> None:
    Image.fromarray(np.full((128, width, 3), number, np.uint8)).save(folder / f"{number:02}.png")


def prepared(calibration: Path, changes: PreprocessingChanges, warnings: list[str], *, exif: bool = False) -> Prepared:
    return prepare(
        str(demo.checkpoint_path()),
        "demo",
        calibration=calibration,
        evaluation=calibration,
        recipe=replace(Recipe(), calibration_images=4),
        options=ImageOptions(preprocessing=changes, exif=exif),
        max_drop_pt=None,
        stages=Stages(None),
        warn=warnings.append,
    )


def test_images_that_were_made_to_size_are_told(folder: Path) -> None:
    warnings: list[str] = []
    run = prepared(folder, PreprocessingChanges(mean=(0.5, 0.5, 0.5)), warnings)
    assert run.preprocessing_origin == ("LeViT's own, as nothing beside the weights states another; --mean 0.5,0.5,0.5")
    (told,) = [each for each in warnings if HINT in each]
    assert told.endswith("pass --resize 128.")


@pytest.mark.parametrize("changes", [PreprocessingChanges(resize=146), PreprocessingChanges(crop="1.0")])
def test_who_says_a_size_is_not_told(folder: Path, changes: PreprocessingChanges) -> None:
    warnings: list[str] = []
    prepared(folder, changes, warnings)
    assert not [each for each in warnings if HINT in each]


def test_images_of_another_size_among_them_are_photographs(folder: Path) -> None:
    save(folder, 3, 129)
    warnings: list[str] = []
    prepared(folder, PreprocessingChanges(), warnings)
    assert not [each for each in warnings if HINT in each]
    save(folder, 3, 128)
    (folder / "04.png").write_bytes(b"damaged")
    warnings.clear()
    prepared(folder, PreprocessingChanges(), warnings)
    assert [each for each in warnings if HINT in each]


def test_a_bundle_is_made_on_photographs_as_they_are_stored(folder: Path) -> None:
    with pytest.raises(DataError, match="leave `exif` out; `verify` takes it"):
        prepared(folder, PreprocessingChanges(), [], exif=True)
