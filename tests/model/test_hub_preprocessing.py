"""Preprocessing that comes with a checkpoint: what timm and Transformers do with the same configuration."""

from typing import Any

import pytest

from levit_edge.errors import CheckpointError
from levit_edge.model.config import IMAGENET_MEAN, IMAGENET_STD
from levit_edge.model.hub_preprocessing import StatedPreprocessing, stated_by_timm, stated_by_transformers

HALF = (0.5, 0.5, 0.5)
LEVIT: dict[str, Any] = {
    "image_processor_type": "LevitImageProcessor",
    "do_center_crop": True,
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "crop_size": {"height": 224, "width": 224},
    "image_mean": list(IMAGENET_MEAN),
    "image_std": list(IMAGENET_STD),
    "resample": 3,
    "rescale_factor": 0.00392156862745098,
    "size": {"shortest_edge": 224},
}


def stated(**changes: Any) -> StatedPreprocessing:
    usual = {"origin": "x", "image_size": 224, "resize": 256, "interpolation": "bicubic"}
    statistics = {"mean": IMAGENET_MEAN, "std": IMAGENET_STD}
    return StatedPreprocessing(**{**usual, **statistics, **changes})


@pytest.mark.parametrize(
    ("pretrained", "expected"),
    [
        ({"input_size": [3, 224, 224]}, stated()),
        ({"crop_pct": 0.9}, stated(resize=248)),
        ({"crop_pct": 1.0, "crop_mode": "squash"}, stated(resize=224, squash=True)),
        (
            {"mean": [0.5] * 3, "std": [0.5] * 3, "crop_pct": 0.95, "interpolation": "bilinear", "crop_mode": None},
            stated(resize=235, interpolation="bilinear", mean=HALF, std=HALF),
        ),
    ],
)
def test_timm(pretrained: dict[str, Any], expected: StatedPreprocessing) -> None:
    assert stated_by_timm(pretrained, 224, "x") == expected


def test_timm_may_say_nothing() -> None:
    assert stated_by_timm({"num_classes": 10, "mean": None}, 224, "x") is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, stated()),
        ({"size": 224, "crop_size": 224}, stated()),
        (
            {"resample": 2, "image_mean": [0.5] * 3, "image_std": 0.5},
            stated(interpolation="bilinear", mean=HALF, std=HALF),
        ),
        ({"do_normalize": False}, stated(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))),
        ({"size": {"height": 256, "width": 256}}, stated(resize=256, squash=True)),
        ({"size": {"shortest_edge": 248}}, stated(resize=283)),
        (
            {"image_processor_type": "ViTImageProcessor", "size": {"height": 224, "width": 224}},
            stated(resize=224, squash=True),
        ),
    ],
)
def test_transformers(change: dict[str, Any], expected: StatedPreprocessing) -> None:
    assert stated_by_transformers({**LEVIT, **change}, 224, "x") == expected


@pytest.mark.parametrize(
    ("pretrained", "complaint"),
    [
        ({"crop_mode": "border"}, "x says crop_mode = 'border', which levit-edge does not do"),
        ({"crop_border_pixels": 4}, "crop_border_pixels = '4'"),
        ({"interpolation": "random"}, "interpolation = 'random'"),
        ({"crop_pct": 0}, None),
        ({"crop_pct": 1.5}, "crop_pct = '1.5'"),
        ({"crop_pct": float("nan")}, "crop_pct = 'nan'"),
        ({"mean": [0.5]}, "mean = "),
        ({"std": "0.5"}, "std = "),
        ({"input_size": [3, 224, 192]}, "not square"),
        ({"input_size": [3, 256, 256]}, "but the weights are those of a LeViT for 224×224"),
        ({"input_size": [1, 224, 224]}, "input_size"),
    ],
)
def test_what_timm_does_and_we_do_not_is_refused(pretrained: dict[str, Any], complaint: str | None) -> None:
    if complaint is None:  # as timm, 0 is taken for none
        assert stated_by_timm({"interpolation": "bicubic", **pretrained}, 224, "x") == stated()
        return
    with pytest.raises(CheckpointError, match=complaint):
        stated_by_timm(pretrained, 224, "x")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"do_resize": False}, "do_resize = 'False'"),
        ({"do_rescale": False}, "do_rescale = 'False'"),
        ({"do_pad": True}, "do_pad = 'True'"),
        ({"rescale_factor": 1 / 127.5}, "rescale_factor"),
        ({"resample": 4}, "resample = 'box'"),
        ({"resample": "bicubic"}, "resample = 'bicubic'"),
        ({"resample": [3]}, "resample = "),
        ({"image_processor_type": ["LevitImageProcessor"]}, "image_processor_type = "),
        ({"do_center_crop": False}, "size = "),
        ({"size": {"height": 224, "width": 256}}, "size = "),
        ({"size": {"longest_edge": 256}}, "size = "),
        ({"crop_size": {"height": 192, "width": 192}}, "but the weights are those of a LeViT for 224×224"),
        ({"crop_size": [224]}, "crop_size"),
        ({"crop_size": {"height": {}, "width": {}}}, "crop_size"),
        ({"image_mean": [10**400, 0, 0]}, "image_mean"),
        ({"image_processor_type": "CLIPImageProcessor"}, "image_processor_type = 'CLIPImageProcessor'"),
        ({"image_mean": {"r": 1}}, "image_mean"),
    ],
)
def test_what_transformers_does_and_we_do_not_is_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(CheckpointError, match=complaint):
        stated_by_transformers({**LEVIT, **change}, 224, "x")
