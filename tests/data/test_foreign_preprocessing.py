"""The inputs that timm's and Transformers' own transforms make of photographs, for the same configurations.

`golden.npz` holds them, float32 (3, 32, 32), with the configurations and the versions that made them in `meta`.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from levit_edge.data.options import INTERPOLATIONS, PreprocessingChanges
from levit_edge.data.pool import read_squares
from levit_edge.data.preprocess import Preprocessing, normalise, read_input
from levit_edge.device.image import FILTERS
from levit_edge.errors import CheckpointError
from levit_edge.model.config import CONFIGS
from levit_edge.model.hub_preprocessing import StatedPreprocessing, stated_by_timm, stated_by_transformers

FOLDER = Path(__file__).parent / "foreign_preprocessing"
GOLDEN: dict[str, NDArray[Any]] = dict(np.load(FOLDER / "golden.npz"))
META = json.loads(str(GOLDEN.pop("meta")))
IMAGES = [FOLDER / name for name in META["images"]]
REFUSED = {
    "timm-nearest": "interpolation = 'nearest'",
    "timm-border": "crop_mode = 'border'",
    "hf-nearest": "resample = 'nearest'",
}
SIZE = 32


def stated(name: str) -> StatedPreprocessing | None:
    parse = stated_by_timm if name.startswith("timm") else stated_by_transformers
    return parse(META["configs"][name], SIZE, "its file")


def preprocessing(name: str) -> Preprocessing:
    found = stated(name)
    assert found is not None
    keys = ("image_size", "resize", "squash", "interpolation", "mean", "std")
    return Preprocessing(**{key: getattr(found, key) for key in keys})


@pytest.mark.parametrize("name", sorted(META["configs"].keys() - REFUSED.keys()))
def test_inputs_are_theirs_to_the_last_bit(name: str) -> None:
    for place, image in enumerate(IMAGES):
        assert np.array_equal(read_input(image, preprocessing(name)), GOLDEN[f"{name}/{place}"])


@pytest.mark.parametrize(("name", "complaint"), REFUSED.items())
def test_what_is_not_done_is_refused_by_name(name: str, complaint: str) -> None:
    with pytest.raises(CheckpointError, match=f"its file says {complaint}, which levit-edge does not do"):
        stated(name)


def test_every_golden_output_is_tested() -> None:
    assert len(IMAGES) == 2
    assert set(GOLDEN) == {f"{name}/{place}" for name in META["configs"] for place in range(len(IMAGES))}
    assert len(META["configs"]) > len(REFUSED)


@pytest.mark.parametrize("name", ["timm-squash-1.0", "hf-lanczos"])
@pytest.mark.parametrize("workers", [0, 1])
def test_decoding_processes_do_the_same(name: str, workers: int) -> None:
    how = preprocessing(name)
    for place, square in enumerate(read_squares(IMAGES, how, workers)):
        assert not isinstance(square, str)
        assert np.array_equal(normalise(square, how), GOLDEN[f"{name}/{place}"])


def test_every_interpolation_has_a_filter() -> None:
    assert tuple(FILTERS) == INTERPOLATIONS


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (PreprocessingChanges(), {}),
        (PreprocessingChanges(resize=224), {"resize": 224}),
        (PreprocessingChanges(crop="0.9"), {"resize": 248}),
        (PreprocessingChanges(crop="squash"), {"squash": True}),
        (PreprocessingChanges(crop="center"), {}),
        (
            PreprocessingChanges(interpolation="bilinear", mean=(0.0, 0.0, 0.0)),
            {"interpolation": "bilinear", "mean": (0.0,) * 3},
        ),
        (PreprocessingChanges(std=(0.5, 0.5, 1.0)), {"std": (0.5, 0.5, 1.0)}),
    ],
)
def test_changes(changes: PreprocessingChanges, expected: dict[str, Any]) -> None:
    config = CONFIGS["128S"]
    usual = {"image_size": 224, "resize": 256, "mean": config.mean, "std": config.std}
    assert Preprocessing.from_config(config, changes) == Preprocessing(**{**usual, **expected})
