"""The sensitivity of the demo, on few images and without times."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from levit_edge import demo
from levit_edge.bundle.recipe import LayerScheme, Recipe, Scheme, WeightRounding
from levit_edge.data.options import ImageOptions
from levit_edge.documents import from_json, to_json
from levit_edge.errors import LevitEdgeError
from levit_edge.quantize.analysis import sensitivity as library
from levit_edge.quantize.analysis.layer_cost import LayerSite, Timing
from levit_edge.quantize.analysis.sensitivity import Sensitivity, sensitivity
from levit_edge.quantize.plan import Plan
from levit_edge.system.progress import Advance
from tests.quantize.analysis.sensitivity_example import example, row

pytestmark = pytest.mark.export
QUICK = Recipe(calibration_images=16, scheme=Scheme.MIXED, weight_rounding=WeightRounding.NEAREST)
IMAGES = 10


@pytest.fixture(scope="module")
def measured() -> Sensitivity:
    return sensitivity(size="demo", recipe=QUICK, costs=False, options=ImageOptions(limit=IMAGES, workers=0))


def test_it_is_the_same_again(measured: Sensitivity) -> None:
    again = sensitivity(size="demo", recipe=QUICK, costs=False, options=ImageOptions(limit=IMAGES, workers=0))
    assert replace(again, stages=()) == replace(measured, stages=())


def test_it_survives_json(measured: Sensitivity) -> None:
    document = json.loads(json.dumps(to_json(measured), allow_nan=False))
    assert from_json(Sensitivity, document, LevitEdgeError, "the sensitivity") == measured
    with_times = example(row("head", 40.0, 50.0, LayerScheme.DYNAMIC))
    assert from_json(Sensitivity, to_json(with_times), LevitEdgeError, "the sensitivity") == with_times
    with pytest.raises(LevitEdgeError, match="schema_version is 9, expected 1"):
        from_json(Sensitivity, document | {"schema_version": 9}, LevitEdgeError, "the sensitivity")


def test_rows_are_the_layers_as_planned(measured: Sensitivity) -> None:
    rows = {layer.layer: layer for layer in measured.layers}
    assert list(rows)[:2] == ["stem.conv1", "stem.conv2"]
    assert list(rows)[-1] == "head"
    assert len(rows) == 47
    assert {name for name, layer in rows.items() if layer.planned is LayerScheme.DYNAMIC} == {
        "stem.conv1", "stem.conv2", "stem.conv3", "stem.conv4", "head"
    }  # fmt: skip
    assert {name for name, layer in rows.items() if layer.dynamic is None} == {"blocks.2.q", "blocks.8.q"}
    assert rows["blocks.2.q"].kind == "convolution"
    assert rows["head"].kind == "linear"
    assert rows["head"].multiply_adds == 128 * 10
    assert all(layer.times is None for layer in measured.layers)
    assert measured.runtime is None


def test_the_whole_is_near_the_sum_of_its_layers(measured: Sensitivity) -> None:
    planned = sum(layer.planned_noise for layer in measured.layers)
    assert 0.5 * planned < measured.as_planned.relative < 2.5 * planned
    static = sum(layer.static.relative for layer in measured.layers)
    assert 0.5 * static < measured.all_static.relative < 2.5 * static
    assert measured.as_planned.relative < 1.2 * measured.all_static.relative, (
        "weights rounded to nearest are most of it"
    )


def test_the_images_are_one_of_each_class(measured: Sensitivity) -> None:
    assert measured.samples == measured.images.count == IMAGES
    assert measured.images.source == "embedded"
    assert measured.calibration.count == measured.recipe["calibration_images"] == 16
    assert measured.labelled
    assert measured.top1 is not None
    assert measured.top1 % (100 / IMAGES) == pytest.approx(0, abs=1e-9)


def test_without_labels_there_is_agreement_only(tmp_path: Path) -> None:
    for photograph in sorted((demo.evaluation_dir() / "hat").iterdir())[:3]:
        shutil.copy(photograph, tmp_path)
    warnings: list[str] = []
    found = sensitivity(
        size="demo",
        evaluation=tmp_path,
        recipe=QUICK,
        costs=False,
        warn=warnings.append,
        options=ImageOptions(limit=2, workers=0),
    )
    assert not found.labelled
    assert found.samples == 2
    assert found.top1 is None
    assert found.as_planned.drop_pt is found.as_planned.flips_lost is None
    assert found.layers[0].static.flips_gained is None
    assert found.layers[0].static.agreement in {0.0, 50.0, 100.0}
    assert any("no class folders" in warning for warning in warnings)


def test_a_layer_that_is_planned_in_float_adds_no_noise() -> None:
    recipe = replace(QUICK, float_layers=("stem.conv1",))
    found = sensitivity(size="demo", recipe=recipe, costs=False, options=ImageOptions(limit=2, workers=0)).layers[0]
    assert found.planned is LayerScheme.FLOAT
    assert found.planned_noise == 0
    assert found.static.relative > 0


def test_times_are_those_of_the_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    def costs(plan: Plan, sites: dict[str, LayerSite], *, advance: Advance) -> dict[str, dict[LayerScheme, Timing]]:
        advance(len(sites))
        return {
            name: {LayerScheme.FLOAT: Timing(median_ms=number, minimum_ms=0)} for number, name in enumerate(plan.layers)
        }

    monkeypatch.setattr(library, "layer_costs", costs)
    found = sensitivity(size="demo", recipe=QUICK, options=ImageOptions(limit=1, workers=0))
    assert [layer.times and layer.times["float"].median_ms for layer in found.layers] == list(range(47))
    assert found.runtime is not None
    assert found.runtime.startswith("executorch ")
    assert "measure time" in {stage.name for stage in found.stages}


def test_prices_are_above_the_planned_scheme() -> None:
    static = row("blocks.0.q", 40.0, 50.0)
    assert (static.price_ms(LayerScheme.FLOAT), static.price_ms(LayerScheme.DYNAMIC)) == (1.0, 0.25)
    assert static.price_ms(LayerScheme.STATIC) == 0
    dynamic = row("head", 40.0, 50.0, LayerScheme.DYNAMIC)
    assert dynamic.price_ms(LayerScheme.FLOAT) == 0.75
    assert row("blocks.2.q", 40.0).price_ms(LayerScheme.DYNAMIC) is None
    assert row("head", 40.0, timed=False).price_ms(LayerScheme.FLOAT) is None
    assert static.planned_noise == pytest.approx(1e-4)
    assert dynamic.planned_noise == pytest.approx(1e-5)
