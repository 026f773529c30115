"""Which images serve when the user names them and when not, and what is said about it."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from levit_edge import demo
from levit_edge.bundle.manifest import EMBEDDED
from levit_edge.bundle.recipe import Recipe
from levit_edge.data.classes import ModelClasses
from levit_edge.data.options import ImageOptions
from levit_edge.errors import DataError
from levit_edge.quantize.calibration.sources import ImageSources, choose_images
from levit_edge.runtime.evaluation.gate import GateRules


def choose(warnings: list[str], **options: Any) -> ImageSources:
    defaults: dict[str, Any] = {
        "demo_model": False,
        "model": ModelClasses(outputs=10),
        "recipe": Recipe(calibration_images=20),
        "calibration": None,
        "evaluation": None,
        "options": ImageOptions(),
    }
    return choose_images(**(defaults | options), warn=warnings.append)


def test_the_demo_brings_its_own_images_without_a_warning() -> None:
    warnings: list[str] = []
    images = choose(warnings, demo_model=True, recipe=Recipe())
    assert (images.calibration_source, images.evaluation_source) == (EMBEDDED, EMBEDDED)
    assert (len(images.calibration), len(images.evaluation)) == (150, 120)
    assert images.evaluation.labels is not None
    assert warnings == []


def test_other_models_are_warned_of_embedded_calibration_and_have_no_labels() -> None:
    warnings: list[str] = []
    images = choose(warnings, model=ModelClasses(outputs=1000))
    assert images.calibration_source == EMBEDDED
    assert images.evaluation.labels is None
    assert not set(images.calibration.images) & set(images.evaluation.images)
    assert "not on ImageNet" in warnings[0]
    assert "the drop is not measured" in warnings[1]
    assert f"over {150 - 20} images" in warnings[1]


def test_when_all_calibration_images_are_used_agreement_is_over_them_and_that_is_said() -> None:
    warnings: list[str] = []
    images = choose(warnings, calibration=demo.calibration_dir(), recipe=Recipe(calibration_images=150))
    assert images.evaluation.images == images.calibration.images
    assert images.evaluation.labels is None
    assert "a little flattering" in warnings[0]


def test_too_few_calibration_images() -> None:
    with pytest.raises(DataError, match="holds 150 images, calibration needs 151"):
        choose([], calibration=demo.calibration_dir(), recipe=Recipe(calibration_images=151))


def test_a_list_is_about_the_images_that_the_user_gives(tmp_path: Path) -> None:
    """Not about the embedded ones, though these have the names it lists."""
    names = [path.relative_to(demo.calibration_dir()).as_posix() for path in demo.calibration_dir().rglob("*.jpg")][:3]
    (tmp_path / "list.txt").write_text("\n".join(names))
    options = ImageOptions(only=tmp_path / "list.txt")
    for given in ({}, {"evaluation": demo.evaluation_dir()}):
        with pytest.raises(DataError, match=r"--only .*list.txt lists images to calibrate on, and --calibration"):
            choose([], options=options, **given)
    recipe = Recipe(calibration_images=3)
    images = choose([], calibration=demo.calibration_dir(), options=options, recipe=recipe)
    assert sorted(images.calibration.relative_paths) == sorted(names)
    with pytest.raises(DataError, match=r"list.txt holds 3 images, calibration needs 20.*--calibration-images 3"):
        choose([], calibration=demo.calibration_dir(), options=options)


def test_a_gate_needs_labelled_images(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--max-drop needs labelled images"):
        choose([], calibration=demo.calibration_dir(), rules=GateRules(max_drop_pt=1.0))
    shutil.copytree(demo.evaluation_dir() / "hat", tmp_path / "flat")
    with pytest.raises(DataError, match="no class folders"):
        choose([], evaluation=tmp_path / "flat", rules=GateRules(max_drop_pt=1.0))
    warnings: list[str] = []
    asked: dict[str, Any] = {"recipe": Recipe(), "evaluation": tmp_path / "flat"}
    assert choose(warnings, demo_model=True, **asked).evaluation.labels is None
    assert "has no class folders" in warnings[0]


@pytest.mark.parametrize("labelled", [True, False])
def test_limit_bounds_the_evaluation(labelled: bool) -> None:
    evaluation = demo.evaluation_dir() if labelled else None
    images = choose([], calibration=demo.calibration_dir(), evaluation=evaluation, options=ImageOptions(limit=30))
    assert len(images.evaluation) == 30
    if labelled:
        assert images.evaluation.labels is not None
        assert {images.evaluation.labels.count(label) for label in range(10)} == {3}


def test_the_same_seed_gives_the_same_images() -> None:
    first, again = choose([]), choose([])
    assert first.calibration.images == again.calibration.images
    other = choose([], recipe=Recipe(calibration_images=20, seed=1))
    assert other.calibration.images != first.calibration.images
