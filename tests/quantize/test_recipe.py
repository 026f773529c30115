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
        ({"schema_version": 1}, "schema version 1"),
        ({"onnx_attention": "fused", "scheme": "static"}, "fused attention with scheme static"),
        ({"range_method": "kl"}, "range_method is 'kl', expected one of minmax, percentile, mse, entropy"),
        ({"observer": "minmax"}, "unknown keys ..observer"),
        ({"float_layers": "stem"}, "float_layers is 'stem', expected list"),
    ],
)
def test_what_is_refused(document: dict[str, object], message: str) -> None:
    with pytest.raises(QuantizationError, match=message):
        from_json(Recipe, document, QuantizationError, "the recipe")
