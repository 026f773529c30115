"""Recipes: what they accept and how they are saved."""

import json

import pytest

from levit_edge.documents import from_json, to_json
from levit_edge.errors import QuantizationError
from levit_edge.quantize.recipe import RangeMethod, Recipe


def test_round_trip() -> None:
    recipe = Recipe(calibration_images=7, range_method=RangeMethod.MSE, float_layers=("stem.*", "head"))
    document = json.loads(json.dumps(to_json(recipe)))
    assert from_json(Recipe, document, QuantizationError, "the recipe") == recipe


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"calibration_images": 0}, "expected at least 1"),
        ({"percentile": 50}, "more than 50"),
        ({"schema_version": 2}, "schema version 2"),
        ({"range_method": "entropy"}, "range_method is 'entropy', expected one of minmax, percentile, mse"),
        ({"observer": "minmax"}, "unknown keys ..observer"),
        ({"float_layers": "stem"}, "float_layers is 'stem', expected list"),
    ],
)
def test_what_is_refused(document: dict[str, object], message: str) -> None:
    with pytest.raises(QuantizationError, match=message):
        from_json(Recipe, document, QuantizationError, "the recipe")


def test_float_layers_are_glob_patterns() -> None:
    recipe = Recipe(float_layers=("stem.*", "blocks.1?.up"))
    assert recipe.keeps_in_float("stem.conv1")
    assert recipe.keeps_in_float("blocks.12.up")
    assert not recipe.keeps_in_float("blocks.1.up")
    assert not recipe.keeps_in_float("head")


def test_a_pattern_that_fits_no_layer_is_refused() -> None:
    layers = [f"blocks.{index}.up" for index in range(6)] + ["head"]
    Recipe(float_layers=("head", "blocks.*")).require_known_layers(layers)
    with pytest.raises(QuantizationError, match=r"--float-layer 'stm.\*' fits no layer"):
        Recipe(float_layers=("head", "stm.*")).require_known_layers(layers)
