"""Calibration images that say nothing: a safe scale or a clear message, never NaN."""

from copy import deepcopy
from pathlib import Path

import pytest
import torch

from levit_edge import demo
from levit_edge.bundle.recipe import RangeMethod, Recipe
from levit_edge.data.image_set import calibration_images
from levit_edge.data.locations import read_bytes
from levit_edge.data.options import ImageOptions
from levit_edge.data.preprocess import Preprocessing
from levit_edge.data.sampling import balanced_sample
from levit_edge.errors import QuantizationError
from levit_edge.model.checkpoint import read_checkpoint
from levit_edge.quantize.analysis.simulate import simulate
from levit_edge.quantize.calibration.calibration_images import CalibrationImages
from levit_edge.quantize.equalize import equalize
from levit_edge.quantize.plan import make_plan
from levit_edge.system.progress import Stages
from tests.quantize.conftest import Demo, plan_of


@pytest.mark.parametrize(("method", "value"), list(zip(RangeMethod, (0.0, -2.0, 2.5, -2.0), strict=True)))
def test_images_of_one_colour(demo_steps: Demo, method: RangeMethod, value: float) -> None:
    images = torch.full((3, 3, 128, 128), value)
    plan = plan_of(demo_steps.deploy, images, Recipe(range_method=method, bias_correction=True))
    for name, layer in plan.layers.items():
        assert layer.weight.isfinite().all(), name
        assert layer.bias.isfinite().all(), name
        assert (layer.weight_scales > 0).all(), name
    with torch.no_grad():
        assert simulate(plan)(demo_steps.images[:2]).isfinite().all()


def test_the_same_image_many_times(demo_steps: Demo) -> None:
    recipe = Recipe(equalize=False)  # which estimates derivatives, with other signs for each image
    once = plan_of(demo_steps.deploy, demo_steps.images[:1], recipe)
    often = plan_of(demo_steps.deploy, demo_steps.images[:1].repeat(5, 1, 1, 1), recipe)
    for first, second in zip(once.layers.values(), often.layers.values(), strict=True):
        assert second.ranges.input.maximum == pytest.approx(first.ranges.input.maximum, rel=1e-4)


def test_a_layer_that_is_constantly_zero(demo_steps: Demo) -> None:
    dead = deepcopy(demo_steps.deploy)
    with torch.no_grad():
        dead.get_parameter("blocks.0.v.weight").zero_()
        dead.get_parameter("blocks.0.v.bias").zero_()
        dead.get_parameter("stem.conv2.weight").zero_()
        dead.get_parameter("stem.conv2.bias").zero_()
    plan = plan_of(dead, demo_steps.images, Recipe())
    with torch.no_grad():
        assert simulate(plan)(demo_steps.images).isfinite().all()
    assert all(record.output is None or record.output.scale > 0 for record in plan.records)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_name_their_layer(demo_steps: Demo, value: float) -> None:
    broken = deepcopy(demo_steps.deploy)
    with torch.no_grad():
        broken.get_parameter("blocks.1.up.bias")[0] = value
    with pytest.raises(QuantizationError, match=r"blocks\.\d+\.\w+\.(in|out)put: an activation is NaN or infinite"):
        equalize(broken, [demo_steps.images])
    with pytest.raises(QuantizationError, match=r"blocks\.1\.up\.output: an activation is NaN or infinite"):
        plan_of(broken, demo_steps.images)


def test_copies_of_one_picture_are_noticed(tmp_path: Path) -> None:
    folder = calibration_images(demo.calibration_dir())
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(read_bytes(folder.images[0]))
    preprocessing = Preprocessing.from_config(read_checkpoint(demo.checkpoint_path()).config)
    for images, alike in ((calibration_images(tmp_path), True), (folder.select(range(3)), False)):
        with CalibrationImages(images.images, preprocessing, ImageOptions(workers=0)) as calibration:
            assert sum(len(batch) for batch in calibration.tensors(lambda _count: None)) == 3
            assert calibration.alike is alike


def test_order_and_workers_do_not_change_the_plan(demo_steps: Demo) -> None:
    folder = calibration_images(demo.calibration_dir())
    backwards = folder.select(range(len(folder) - 1, -1, -1))
    preprocessing = Preprocessing.from_config(read_checkpoint(demo.checkpoint_path()).config)
    records = []
    for images, workers in ((folder, 0), (backwards, 2)):
        chosen = balanced_sample(images, 10, seed=1)
        with CalibrationImages(chosen.images, preprocessing, ImageOptions(workers=workers)) as calibration:
            records.append(make_plan(demo_steps.deploy, calibration, Recipe(), Stages()).records)
    assert records[0] == records[1]
