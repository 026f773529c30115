"""What a run is told about its images before it begins."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from levit_edge import demo
from levit_edge.bundle.recipe import Recipe
from levit_edge.data.options import ImageOptions, PreprocessingChanges
from levit_edge.data.preprocess import Preprocessing
from levit_edge.errors import BundleError, DataError
from levit_edge.model.config import CONFIGS
from levit_edge.model.hub_preprocessing import PreprocessingOrigin
from levit_edge.quantize.prepare import Prepared, choose_preprocessing, prepare
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
        stages=Stages(None),
        warn=warnings.append,
    )


def test_images_that_were_made_to_size_are_told(folder: Path) -> None:
    warnings: list[str] = []
    run = prepared(folder, PreprocessingChanges(mean=(0.5, 0.5, 0.5)), warnings)
    assert run.preprocessing_origin == ("LeViT's own, as nothing beside the weights states another; --mean 0.5,0.5,0.5")
    (told,) = [each for each in warnings if HINT in each]
    assert told.endswith("pass --resize 128.")
    assert run.warnings == (told,)


@pytest.mark.parametrize("changes", [PreprocessingChanges(resize=146), PreprocessingChanges(crop="1.0")])
def test_who_says_a_size_is_not_told(folder: Path, changes: PreprocessingChanges) -> None:
    warnings: list[str] = []
    prepared(folder, changes, warnings)
    assert not [each for each in warnings if HINT in each]


OF_BUNDLE = {
    "resize": 150,
    "squash": True,
    "interpolation": "lanczos",
    "mean": [0.5, 0.25, 0.0],
    "std": [1.0, 0.5, 1.0],
}


def test_preprocessing_is_that_of_a_bundle(folder: Path, preprocessed_otherwise: Callable[..., Path]) -> None:
    """A checkpoint states what there is not, which does not matter then."""
    bundle, config = preprocessed_otherwise(image_size=128, **OF_BUNDLE), CONFIGS["demo"]
    expected = Preprocessing(
        image_size=128, resize=150, squash=True, interpolation="lanczos", mean=(0.5, 0.25, 0.0), std=(1.0, 0.5, 1.0)
    )
    run = prepared(folder, PreprocessingChanges(bundle=str(bundle)), [])
    assert (run.preprocessing, run.preprocessing_origin) == (expected, f"the bundle {bundle}")
    faulty = PreprocessingOrigin(fault="config.json says interpolation = 'nearest'")
    found, _ = choose_preprocessing(config, faulty, PreprocessingChanges(bundle=str(bundle)))
    assert found == expected


def test_options_go_before_a_bundles_preprocessing(preprocessed_otherwise: Callable[..., Path]) -> None:
    bundle = preprocessed_otherwise(image_size=128, **OF_BUNDLE)
    changes = PreprocessingChanges(bundle=str(bundle), crop="0.8", mean=(0.0, 0.0, 0.0))
    found, origin = choose_preprocessing(CONFIGS["demo"], PreprocessingOrigin(), changes)
    assert (found.resize, found.squash, found.mean) == (160, True, (0.0, 0.0, 0.0))
    assert (found.interpolation, found.std) == ("lanczos", (1.0, 0.5, 1.0))
    assert origin == f"the bundle {bundle}; --crop 0.8 --mean 0.0,0.0,0.0"


def test_a_bundle_of_another_size_does_not_say_how(preprocessed_otherwise: Callable[..., Path]) -> None:
    changes = PreprocessingChanges(bundle=str(preprocessed_otherwise(image_size=64, resize=72)))
    with pytest.raises(DataError, match=r"makes images of 64×64 pixels, and the checkpoint is for 128×128: pass"):
        choose_preprocessing(CONFIGS["demo"], PreprocessingOrigin(), changes)


def test_what_is_no_bundle_says_nothing(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"has no manifest\.json; expected a bundle"):
        choose_preprocessing(CONFIGS["demo"], PreprocessingOrigin(), PreprocessingChanges(bundle=str(tmp_path)))


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
