"""Calibration on images of another kind: which layers do not depend on them then, and what is said of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from levit_edge import demo
from levit_edge.bundle.recipe import ENOUGH_IMAGES, LayerScheme, Recipe, Scheme, WeightRounding
from levit_edge.data.options import ImageOptions
from levit_edge.model.config import CONFIGS
from levit_edge.model.levit import LeViT
from levit_edge.quantize.analysis.layer_noise import FloatLogits, network_noise
from levit_edge.quantize.analysis.simulate import simulate
from levit_edge.quantize.prepare import Prepared, prepare
from levit_edge.quantize.schemes.choice import layer_schemes
from levit_edge.system.progress import Stages
from tests.model.conftest import seeded_levit
from tests.quantize.conftest import Demo, plan_of

EVERYTHING = Recipe(scheme=Scheme.MIXED, dynamic_layers=("*",))
AT_RUN_TIME = "so every layer that can takes its range at run time (--scheme mixed --dynamic-layer '*')"


@pytest.fixture
def shallow(tmp_path: Path) -> Path:
    """A LeViT that is not the demo."""
    config = replace(CONFIGS["demo"], name="custom", depths=(1, 1, 1))
    torch.save(LeViT(config).state_dict(), tmp_path / "levit.pth")
    return tmp_path / "levit.pth"


def prepared(
    checkpoint: Path, recipe: Recipe, told: list[str], calibration: Path | None = None, count: int = 4
) -> Prepared:
    return prepare(
        checkpoint,
        None,
        calibration=calibration,
        evaluation=None,
        recipe=replace(recipe, calibration_images=count),
        options=ImageOptions(),
        stages=Stages(),
        warn=told.append,
    )


def chosen(run: Prepared) -> Recipe:
    return replace(run.recipe, calibration_images=Recipe().calibration_images)


def test_without_images_of_its_own_all_layers_that_can_are_dynamic(shallow: Path) -> None:
    told: list[str] = []
    run = prepared(shallow, Recipe(float_layers=("head",)), told)
    assert AT_RUN_TIME in told[0]
    assert chosen(run) == replace(EVERYTHING, float_layers=("head",))
    schemes = layer_schemes(run.deploy, run.recipe)
    assert {name for name, scheme in schemes.items() if scheme is LayerScheme.STATIC} == {"blocks.2.q", "blocks.6.q"}
    assert schemes["head"] is LayerScheme.FLOAT
    quick = replace(run.recipe, weight_rounding=WeightRounding.NEAREST, equalize=False)
    assert not replace(run, recipe=quick).calibrate(Stages()).plan.own_images  # of float16 with more room


@pytest.mark.parametrize("classes", [10, 3])
def test_own_weights_of_the_demos_shape_are_not_the_demo(tmp_path: Path, classes: int) -> None:
    told: list[str] = []
    config = replace(CONFIGS["demo"], classes=classes)
    torch.save(seeded_levit(config).state_dict(), tmp_path / "levit.pth")
    run = prepared(tmp_path / "levit.pth", Recipe(), told)
    assert run.trained.config.name == "demo"
    assert AT_RUN_TIME in told[0]
    assert chosen(run) == EVERYTHING
    assert run.images.evaluation.labels is None


def test_a_scheme_that_is_asked_for_stays(shallow: Path) -> None:
    told: list[str] = []
    asked = Recipe(scheme=Scheme.MIXED, dynamic_layers=("blocks.0.q",))
    assert chosen(prepared(shallow, asked, told)) == asked
    assert "expect a larger drop" in told[0]


@pytest.mark.parametrize("scheme", [Scheme.MIXED, Scheme.STATIC])
def test_who_asks_for_all_that_can_is_told_the_same(shallow: Path, scheme: Scheme) -> None:
    """As the command in a report does."""
    told: list[str] = []
    asked = replace(EVERYTHING, scheme=scheme)
    assert chosen(prepared(shallow, asked, told)) == asked
    assert f"so every layer that can takes its range at run time (--scheme {scheme} --dynamic-layer '*')" in told[0]
    assert "larger drop" not in told[0]


def test_images_of_its_own_and_the_demos_leave_the_scheme_mixed(shallow: Path) -> None:
    for checkpoint, calibration in ((shallow, demo.calibration_dir()), (demo.checkpoint_path(), None)):
        told: list[str] = []
        run = prepared(checkpoint, Recipe(), told, calibration, count=ENOUGH_IMAGES)
        assert chosen(run) == Recipe(scheme=Scheme.MIXED)
        assert run.images.own_images
        assert not any("clothing" in each or "calibration images:" in each for each in told)


def test_few_images_of_its_own_are_as_foreign_ones(shallow: Path) -> None:
    told: list[str] = []
    run = prepared(shallow, Recipe(), told, demo.calibration_dir(), count=ENOUGH_IMAGES - 1)
    assert chosen(run) == EVERYTHING
    assert run.images.own_images
    assert f"31 calibration images: other images leave ranges that so few have shown; {AT_RUN_TIME}" in told[0]
    told.clear()
    asked = Recipe(scheme=Scheme.MIXED)
    assert chosen(prepared(shallow, asked, told, demo.calibration_dir(), count=8)) == asked
    assert "calibrate on 32 or more, better some hundred, or add --dynamic-layer '*'" in told[0]


def test_foreign_ranges_cost_little_where_they_are_taken_at_run_time(demo_steps: Demo) -> None:
    """Calibrated on four photographs of a third of the contrast, and evaluated on 24 as they are."""
    dark = demo_steps.images[:4] / 3
    plain: dict[str, Any] = {"equalize": False, "weight_rounding": WeightRounding.NEAREST}
    plans = {
        "own": plan_of(demo_steps.deploy, demo_steps.images, replace(EVERYTHING, **plain)),
        "dark": plan_of(demo_steps.deploy, dark, replace(EVERYTHING, **plain)),
        "dark, mixed": plan_of(demo_steps.deploy, dark, Recipe(scheme=Scheme.MIXED, **plain)),
    }
    networks = {name: simulate(plan) for name, plan in plans.items()}
    noises = network_noise(FloatLogits(demo_steps.deploy), networks, [(demo_steps.images, None)])
    sqnr = {name: found.comparison.sqnr_db or 0.0 for name, found in noises.items()}
    assert sqnr["dark"] > sqnr["own"] - 1, sqnr
    assert sqnr["dark, mixed"] < sqnr["own"] - 7, sqnr
