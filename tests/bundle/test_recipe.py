"""Recipes: what they accept, how they are saved, and in which files: TOML, JSON, manifests, and what is none."""

import json
import shutil
from dataclasses import fields, replace
from pathlib import Path

import pytest

from levit_edge.bundle.place import MANIFEST_FILE
from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.recipe import RangeMethod, Recipe, Scheme, Target, WeightRounding, read_recipe
from levit_edge.documents import MAX_DOCUMENT_BYTES, from_json, to_json
from levit_edge.errors import QuantizationError

MINE = Recipe(scheme=Scheme.STATIC, float_layers=("head",))
MIXED = Recipe(scheme=Scheme.MIXED)
DEFAULTS = {
    "schema_version": 6,
    "calibration_images": 256,
    "seed": 0,
    "scheme": "auto",
    "dynamic_layers": [],
    "float_layers": [],
    "int8_attention": [],
    "target": "any",
    "onnx_attention": "plain",
    "float16": True,
    "onnx_float16": True,
    "equalize": True,
    "weight_rounding": "gptq",
    "bias_correction": False,
    "range_method": "minmax",
    "percentile": 99.99,
}
"""What a document of this version means where it says nothing: another default is another version, and an entry in
`levit_edge.bundle.recipe.FORMER`."""


def test_a_version_has_its_defaults() -> None:
    assert to_json(Recipe()) == DEFAULTS


def test_round_trip() -> None:
    recipe = Recipe(calibration_images=7, range_method=RangeMethod.MSE, float_layers=("stem.*", "head"))
    document = json.loads(json.dumps(to_json(recipe)))
    assert from_json(Recipe, document, QuantizationError, "the recipe") == recipe


@pytest.mark.parametrize(
    ("document", "meant"),
    [
        (
            {"schema_version": 1, "float_layers": ["head"]},
            Recipe(
                float_layers=("head",),
                scheme=Scheme.STATIC,
                weight_rounding=WeightRounding.NEAREST,
                equalize=False,
                float16=False,
                onnx_float16=False,
            ),
        ),
        (
            {"schema_version": 1, "equalize": True},
            Recipe(
                scheme=Scheme.STATIC,
                weight_rounding=WeightRounding.NEAREST,
                equalize=True,
                float16=False,
                onnx_float16=False,
            ),
        ),
        (
            {"schema_version": 2, "scheme": "dynamic", "bias_correction": True},
            Recipe(scheme=Scheme.DYNAMIC, bias_correction=True, float16=False, onnx_float16=False),
        ),
        ({"schema_version": 2}, replace(MIXED, float16=False, onnx_float16=False)),
        ({"schema_version": 3, "seed": 1}, replace(MIXED, seed=1, float16=False, onnx_float16=False)),
        ({"schema_version": 3, "float16": True}, replace(MIXED, onnx_float16=False)),
        ({"schema_version": 3, "target": "arm64"}, replace(MIXED, float16=False, onnx_float16=False)),
        ({"schema_version": 4, "target": "arm64"}, MIXED),
        ({"schema_version": 4, "target": "x86-64"}, replace(MIXED, target=Target.X86_64)),
        ({"schema_version": 5}, MIXED),
        ({"schema_version": 5, "target": "arm64"}, replace(MIXED, target=Target.ARM64)),
        ({"schema_version": 5, "scheme": "auto"}, Recipe()),
        ({"schema_version": 6}, Recipe()),
        ({"schema_version": 6, "target": "arm64"}, Recipe(target=Target.ARM64)),
        ({}, Recipe()),
    ],
)
def test_recipes_of_earlier_versions_mean_what_they_meant(document: dict[str, object], meant: Recipe) -> None:
    assert from_json(Recipe, document, QuantizationError, "the recipe") == meant


def test_an_earlier_recipe_is_read_in_a_manifest(tiny_bundle: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_bundle, tmp_path / "copy")
    manifest = json.loads((copy / MANIFEST_FILE).read_bytes())
    assert list(manifest["recipe"]) == [field.name for field in fields(Recipe)]
    manifest["recipe"] = {"schema_version": 1, "calibration_images": 4, "seed": 2}
    (copy / MANIFEST_FILE).write_text(json.dumps(manifest))
    recipe = Bundle.open(copy).manifest.recipe
    assert (recipe.schema_version, recipe.scheme, recipe.calibration_images, recipe.seed) == (6, Scheme.STATIC, 4, 2)
    assert not recipe.float16
    assert not recipe.onnx_float16


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"calibration_images": 0}, "expected at least 1"),
        ({"percentile": 50}, "more than 50"),
        ({"schema_version": 7}, "schema_version is 7, expected 6: what this levit-edge reads"),
        ({"schema_version": 0}, "schema_version is 0, expected 6"),
        ({"schema_version": "1"}, "schema_version is '1', expected int"),
        ({"schema_version": [1]}, "expected int"),
        ({"schema_version": 1, "observer": "minmax"}, "unknown keys ..observer"),
        ({"onnx_attention": "fused", "scheme": "static"}, "fused attention with scheme static"),
        ({"range_method": "kl"}, "range_method is 'kl', expected one of minmax, percentile, mse, entropy"),
        ({"observer": "minmax"}, "unknown keys ..observer"),
        ({"float_layers": "stem"}, "float_layers is 'stem', expected list"),
    ],
)
def test_what_is_refused(document: dict[str, object], message: str) -> None:
    with pytest.raises(QuantizationError, match=message):
        from_json(Recipe, document, QuantizationError, "the recipe")


def test_toml_json_and_a_manifest(tmp_path: Path, tiny_bundle: Path) -> None:
    toml, document = tmp_path / "mine.toml", tmp_path / "mine.json"
    toml.write_text('scheme = "static"\nfloat_layers = ["head"]\n')
    document.write_text(json.dumps(to_json(MINE)))
    assert read_recipe(toml, QuantizationError) == read_recipe(document, QuantizationError) == MINE
    assert read_recipe(tiny_bundle / MANIFEST_FILE, QuantizationError) == Recipe()


@pytest.mark.parametrize("key", ["schema_version", "seed"])
def test_a_number_that_python_does_not_write_is_refused(tmp_path: Path, key: str) -> None:
    (path := tmp_path / "mine.toml").write_text(f"{key} = 0x{'F' * 6000}")
    with pytest.raises(
        QuantizationError, match=f"{key} is a number of thousands of digits, expected at most 1024 bits"
    ):
        read_recipe(path, QuantizationError)


@pytest.mark.parametrize("name", ["mine.toml", "mine.json", "mine"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff", "is not"),
        (b"[" * 100_000, "is not"),
        (b"[1]", "is"),
        (b"{", "is not"),
        (b" " * (MAX_DOCUMENT_BYTES + 1), "is larger than 16 MiB"),
    ],
)
def test_what_holds_no_recipe_is_refused_by_name(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(QuantizationError, match=f"the recipe {path} {said}"):
        read_recipe(path, QuantizationError)


@pytest.mark.parametrize("name", ["missing.toml", "missing.json", "nul\0.toml", "."])
def test_what_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(QuantizationError, match=r"the recipe .* (cannot be read|does not exist|is a folder)"):
        read_recipe(tmp_path / name, QuantizationError)


def test_unknown_keys_are_refused_by_the_name_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[recipe]\nobserver = 1\n")
    with pytest.raises(QuantizationError, match=f"the recipe {path} is not valid: it has unknown keys"):
        read_recipe(path, QuantizationError)


def test_float16_is_for_arm_and_can_be_declined() -> None:
    forms = {(target, half): Recipe(target=target, onnx_float16=half) for target in Target for half in (False, True)}
    assert [key for key, recipe in forms.items() if recipe.stem_in_float16] == [(Target.ARM64, True)]
