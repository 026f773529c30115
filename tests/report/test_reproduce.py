import shlex
from dataclasses import replace

import pytest

from levit_edge.bundle.manifest import CheckpointProvenance, ImageProvenance, Move, SearchRecord
from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.recipe import LayerScheme, Recipe
from levit_edge.data.options import PreprocessingChanges
from levit_edge.report.reproduce import quantize_command, verify_command


def test_moves_of_a_search_are_left_to_the_search(recorded: Bundle) -> None:
    images = ImageProvenance(source="val", count=20, sha256="0" * 64, skipped=("bad.jpg",))
    search = SearchRecord(
        max_drop_pt=0.5, images=images, trials=(), moves=(Move(layer="head", scheme=LayerScheme.FLOAT),), held=True
    )
    manifest = replace(
        recorded.manifest,
        search=search,
        recipe=Recipe(float_layers=("stem.*", "head"), seed=3),
        calibration=images,
        checkpoint=CheckpointProvenance(source="my weights.pth", format="original", sha256=""),
        config=replace(recorded.manifest.config, name="128S"),
        preprocessing=replace(recorded.manifest.preprocessing, resize=40),
    )
    words = shlex.split(" ".join(quantize_command(manifest, 100)))
    assert words == [
        *("levit-edge", "quantize", "--model", "128S", "--checkpoint", "my weights.pth", "--calibration", "val"),
        *("--calibration-images", "256", "--seed", "3", "--scheme", "mixed", "--float-layer", "stem.*"),
        *("--target", "arm64", "--onnx-attention", "plain", "--equalize", "--weight-rounding", "gptq"),
        *("--no-bias-correction", "--range-method", "minmax", "--percentile", "99.99", "--resize", "40"),
        *("--max-drop", "0.5", "--limit", "100", "--skip-bad-images"),
    ]


def test_all_that_was_asked_of_preprocessing_is_repeated(recorded: Bundle) -> None:
    changes = PreprocessingChanges(
        crop="0.9", interpolation="lanczos", mean=(0.5, 0.25, 0.0), std=(0.5, 0.123456789012345, 1.0)
    )
    words = shlex.split(" ".join(quantize_command(replace(recorded.manifest, preprocessing_changes=changes), None)))
    asked = "--crop 0.9 --interpolation lanczos --mean 0.5,0.25,0.0 --std 0.5,0.123456789012345,1.0"
    assert asked in " ".join(words)
    assert "--resize" not in words


@pytest.mark.parametrize("source", ["$(reboot)", "a; reboot", "`reboot`", "'; reboot; '", "--output"])
def test_nothing_of_a_bundle_is_a_command(recorded: Bundle, source: str) -> None:
    images = replace(recorded.manifest.verification.images, source=source)
    manifest = replace(
        recorded.manifest,
        calibration=replace(images, source="train"),
        verification=replace(recorded.manifest.verification, images=images),
    )
    for command in (" ".join(quantize_command(manifest, None)), verify_command(manifest)):
        assert command is not None
        words = shlex.split(command)
        assert words[words.index("--evaluation") + 1] == source


def test_the_weights_of_a_file_with_several_are_named(recorded: Bundle) -> None:
    checkpoint = CheckpointProvenance(
        source="my.pth", format="timm", sha256="", entry="state_dict_ema", other_entries=("state_dict",)
    )
    manifest = replace(
        recorded.manifest, checkpoint=checkpoint, config=replace(recorded.manifest.config, name="custom")
    )
    words = shlex.split(" ".join(quantize_command(manifest, None)))
    assert words[words.index("--checkpoint") + 1 :][:3] == ["my.pth", "--weights", "state_dict_ema"]


def test_turned_photographs_are_turned_again(recorded: Bundle) -> None:
    manifest = recorded.manifest
    images = replace(manifest.verification.images, source="my val")
    turned = replace(manifest, verification=replace(manifest.verification, images=images, exif=True))
    assert verify_command(turned) == "levit-edge verify BUNDLE --evaluation 'my val' --exif"
