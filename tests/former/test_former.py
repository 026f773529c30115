"""A bundle and packages that levit-edge b1d366b made: who has some goes on using them.

They are of a linear model of the mean colour (32 px, 3 classes) in both runtimes, evaluated on `labelled_photographs`.
"""

import json
import shutil
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from levit_edge.bundle.place import MANIFEST_FILE
from levit_edge.bundle.reader import Bundle
from levit_edge.cli.main import run
from levit_edge.documents import to_json
from levit_edge.errors import ExitStatus

FORMER = Path(__file__).parent
BUNDLE = FORMER / "bundle"
OPTION_1 = {"calibration_images": 8, "seed": 0, "equalize": True, "range_method": "mse", "percentile": 99.99}
RECIPES: dict[int, dict[str, Any]] = {
    1: {"schema_version": 1, **OPTION_1, "float_layers": ["head"]},
    2: {
        "schema_version": 2,
        **OPTION_1,
        "scheme": "static",
        "dynamic_layers": ["head"],
        "float_layers": [],
        "weight_rounding": "nearest",
        "bias_correction": False,
    },
    3: {"schema_version": 3, **OPTION_1, "onnx_attention": "fused"},
}
"""As they were written then."""
Captured = pytest.CaptureFixture[str]


def printed(capsys: Captured, *arguments: str | Path) -> Any:
    """The JSON of a command that ends well."""
    assert run([*map(str, arguments), "--json"]) == ExitStatus.DONE
    return json.loads(capsys.readouterr().out)


def contents(package: Path) -> dict[str, bytes]:
    """What the bundle gives: without code and README, which travel along, and the document, which has its hashes."""
    with ZipFile(package) as archive:
        names = [each for each in archive.namelist() if not each.endswith((".py", ".json", ".md"))]
        return {name: archive.read(name) for name in names}


def as_far_as(found: Any, known: Any) -> Any:
    """`found` without the keys that `known` has not: those of later versions."""
    if isinstance(found, dict) and isinstance(known, dict):
        return {key: as_far_as(value, known[key]) for key, value in found.items() if key in known}
    if isinstance(found, list) and isinstance(known, list) and len(found) == len(known):
        return [as_far_as(*pair) for pair in zip(found, known, strict=True)]
    return found


def test_a_bundle_is_read_as_it_was_written() -> None:
    bundle = Bundle.open(BUNDLE)
    written = json.loads((BUNDLE / MANIFEST_FILE).read_bytes())
    read = json.loads(json.dumps(to_json(bundle.manifest)))
    assert (read["recipe"].pop("schema_version"), read["recipe"]["float16"], read["recipe"]["onnx_float16"]) == (
        6,
        False,
        False,
    )
    assert written["recipe"].pop("schema_version") == 3
    assert (written["recipe"].pop("target"), read["recipe"].pop("target")) == ("arm64", "any")  # the same form of file
    assert as_far_as(read, written) == written
    assert bundle.labels() == ("red", "green", "blå")
    assert set(bundle.golden()) == {"inputs", "fp32.onnx", "int8.onnx", "fp32.pte", "int8.pte"}


def test_a_bundle_gives_the_figures_that_it_has(capsys: Captured, labelled_photographs: Path) -> None:
    stored = json.loads((BUNDLE / MANIFEST_FILE).read_bytes())["verification"]["results"]
    found = printed(capsys, "verify", BUNDLE, "--evaluation", labelled_photographs, "--workers", "1")["results"]
    for result in (*stored, *found):
        del result["images_per_second"]
    assert found == stored


@pytest.mark.export  # ExecuTorch's reader of programs imports all of it
def test_a_bundle_is_inspected(capsys: Captured) -> None:
    assert run(["inspect", str(BUNDLE)]) == ExitStatus.DONE
    assert "int8.pte" in capsys.readouterr().out


def test_a_bundle_is_reported(capsys: Captured, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    assert run(["report", str(BUNDLE), "--output", str(page)]) == ExitStatus.DONE
    html = page.read_text("utf-8")
    for section in ("blocks.0.proj", "*.proj", "data:image/"):
        assert section in html
    capsys.readouterr()


@pytest.mark.parametrize("purpose", ["board", "android"])
def test_a_package_computes_what_it_should(capsys: Captured, purpose: str) -> None:
    document = printed(capsys, "verify", FORMER / f"{purpose}.zip")
    assert document["purpose"] == purpose
    tests = document["self_tests"]
    assert tests
    assert all(each["max_abs_difference"] < 1e-4 for each in tests)


@pytest.mark.parametrize("purpose", ["board", "android"])
def test_a_bundle_becomes_the_package_that_it_became(capsys: Captured, tmp_path: Path, purpose: str) -> None:
    """But for levit-edge's own code and words in it, which change."""
    path = tmp_path / "package.zip"
    assert run(["package", str(BUNDLE), "--for", purpose, "--output", str(path)]) == ExitStatus.DONE
    capsys.readouterr()
    assert contents(path) == contents(FORMER / f"{purpose}.zip")


@pytest.mark.parametrize("version", RECIPES)
def test_recipes_of_older_schemas_are_read(capsys: Captured, tmp_path: Path, version: int) -> None:
    copy = shutil.copytree(BUNDLE, tmp_path / "bundle")
    document = json.loads((copy / MANIFEST_FILE).read_bytes())
    (copy / MANIFEST_FILE).write_text(json.dumps(document | {"recipe": RECIPES[version]}))
    assert run(["report", str(copy), "--output", str(tmp_path / "report.html")]) == ExitStatus.DONE
    capsys.readouterr()
    recipe = Bundle.open(copy).manifest.recipe
    assert (recipe.float16, recipe.onnx_float16) == (False, False)
