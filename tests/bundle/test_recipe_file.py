"""Recipes in files: TOML, JSON, manifests, and what is none."""

import json
from pathlib import Path

import pytest

from levit_edge.bundle.reader import MANIFEST_FILE
from levit_edge.bundle.recipe import Recipe, Scheme, read_recipe
from levit_edge.documents import MAX_DOCUMENT_BYTES, to_json
from levit_edge.errors import QuantizationError

MINE = Recipe(scheme=Scheme.STATIC, float_layers=("head",))


def test_toml_json_and_a_manifest(tmp_path: Path, tiny_bundle: Path) -> None:
    toml, document = tmp_path / "mine.toml", tmp_path / "mine.json"
    toml.write_text('scheme = "static"\nfloat_layers = ["head"]\n')
    document.write_text(json.dumps(to_json(MINE)))
    assert read_recipe(toml, QuantizationError) == read_recipe(document, QuantizationError) == MINE
    assert read_recipe(tiny_bundle / MANIFEST_FILE, QuantizationError) == Recipe()


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
    with pytest.raises(QuantizationError, match=r"the recipe .* cannot be read|is not a file"):
        read_recipe(tmp_path / name, QuantizationError)


def test_unknown_keys_are_refused_by_the_name_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[recipe]\nobserver = 1\n")
    with pytest.raises(QuantizationError, match=f"the recipe {path} is not valid: it has unknown keys"):
        read_recipe(path, QuantizationError)
