"""The Android demo as far as it can be checked without a phone."""

import json
import re
import shutil
import subprocess
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fuzz.board_answers import NONCE
from levit_edge.board.android.benchmark import read_app_benchmark
from levit_edge.errors import BoardError
from levit_edge.package.archive import write_archive
from levit_edge.package.verify import verify_package
from tests.android.conftest import SCRIPTS, Check
from tests.board.android.test_benchmark import SCHEMA
from tests.conftest import REPOSITORY
from tests.integration.conftest import levit_edge

pytestmark = pytest.mark.device
ASSETS = "assets/package/"
JAVA = Path("app/src/main/java/dev/levitedge/demo")
MODEL = Path("app/src/main/assets/package/model.pte")
PERCENTAGE_POINTS = 3.0
"""Between processors: a probability of an int8 model."""
LEAST_TESTS = 50
"""Of JUnit; that so many ran shows that they were found and the golden vectors too."""


def test_the_sources_pass_their_tests_and_become_an_apk(checked: tuple[Path, str]) -> None:
    apk, said = checked
    passed = re.search(r"^JUnit: (\d+) passed$", said, re.MULTILINE)
    assert passed is not None
    assert int(passed[1]) >= LEAST_TESTS
    print(f"JUnit: {passed[1]} passed")
    with zipfile.ZipFile(apk) as archive:
        assert {"classes.dex", "AndroidManifest.xml", "lib/arm64-v8a/libexecutorch.so"} <= set(archive.namelist())


def test_the_model_of_the_apk_is_the_bundles_and_computes(
    checked: tuple[Path, str], demo_bundle: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    with zipfile.ZipFile(checked[0]) as archive:
        names = [name for name in archive.namelist() if name.startswith(ASSETS)]
        files = {name.removeprefix(ASSETS): archive.read(name) for name in names}
        assert archive.getinfo(f"{ASSETS}model.pte").compress_type == zipfile.ZIP_STORED
    assert files["model.pte"] == (demo_bundle[0] / "int8.pte").read_bytes()
    package = tmp_path / "from-apk.zip"
    package.write_bytes(write_archive(files))
    found = verify_package(package).self_tests
    assert [each.file for each in found] == ["model.pte", "model-f16.pte"]
    assert all(each.max_abs_difference is not None for each in found)  # they were run, and came close enough


@pytest.mark.usefixtures("checked")
@pytest.mark.parametrize(("name", "passed"), [("benchmark.json", True), ("other.json", False)])
def test_levit_edge_reads_what_the_app_measures(
    vectors: Path,
    demo_bundle: tuple[Path, dict[str, Any]],
    name: str,
    passed: bool,
) -> None:
    content = (vectors / "written" / name).read_bytes()
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(content))
    result = read_app_benchmark(content, NONCE, "adb")
    assert result.self_test.passed is passed
    artifacts = json.loads((demo_bundle[0] / "manifest.json").read_bytes())["artifacts"]
    assert result.model_sha256 in {each["sha256"] for each in artifacts if each["file"] == "int8.pte"}


@pytest.mark.usefixtures("checked")
def test_levit_edge_reads_why_the_app_could_not_measure(vectors: Path) -> None:
    content = (vectors / "written" / "failure.json").read_bytes()
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(content))
    with pytest.raises(BoardError, match="could not measure: runs is 0, expected 1 to 100000"):
        read_app_benchmark(content, NONCE, "adb")


def test_a_method_that_executorch_does_not_have_is_seen(app: Path, check: Check, tmp_path: Path) -> None:
    changed = shutil.copytree(app, tmp_path / "app")
    (changed / JAVA / "Wrong.java").write_text(
        "package dev.levitedge.demo;\n\nfinal class Wrong {\n"
        "    static void run(org.pytorch.executorch.Module module) {\n        module.backward();\n    }\n}\n"
    )
    done = check(changed, tmp_path / "output")
    assert done.returncode == 3
    assert "cannot find symbol" in done.stderr
    assert "method backward()" in done.stderr
    assert not (tmp_path / "output/demo.apk").exists()


def test_a_changed_model_is_seen(app: Path, check: Check, tmp_path: Path) -> None:
    changed = shutil.copytree(app, tmp_path / "app")
    content = bytearray((changed / MODEL).read_bytes())
    content[len(content) // 2] ^= 1
    (changed / MODEL).write_bytes(content)
    done = check(changed, tmp_path / "output")
    assert done.returncode == 3
    assert "model.pte is damaged or was changed: its SHA-256 is" in done.stderr
    assert not (tmp_path / "output/demo.apk").exists()


def test_what_is_missing_is_named(app: Path, check: Check, tmp_path: Path) -> None:
    empty = shutil.copytree(app, tmp_path / "app", ignore=shutil.ignore_patterns("assets"))
    assert check(tmp_path, tmp_path / "output").stderr.endswith("it has no app/src/main/AndroidManifest.xml\n")
    assert check(empty, tmp_path / "output").stderr.endswith(
        f"levit-edge package BUNDLE --for android --into {empty}\n"
    )
    used = subprocess.run([SCRIPTS / "check.sh"], capture_output=True, text=True, check=False)
    assert (used.returncode, used.stderr) == (2, "check.sh: usage: check.sh APP VECTORS OUTPUT [CACHE]\n")


def test_the_expected_classes_of_the_readme_are_those_of_predict(demo_bundle: tuple[Path, dict[str, Any]]) -> None:
    readme = (REPOSITORY / "android_demo" / "README.md").read_text()
    (photograph,) = re.findall(r"The photograph `(levit_edge/data/demo/.*\.jpg)`", readme)
    rows = re.findall(r"^\| ([a-z-]+) \| ([0-9.]+) % \|$", readme, re.MULTILINE)
    said = [(name, float(percent)) for name, percent in rows]
    done = levit_edge("predict", demo_bundle[0], REPOSITORY / photograph, "--runtime", "executorch", "--json")
    (image,) = json.loads(done.stdout)["results"]
    found = [(each["label"], 100 * each["probability"]) for each in image["guesses"]]
    assert [name for name, _ in found] == [name for name, _ in said]
    assert [percent for _, percent in found] == pytest.approx([percent for _, percent in said], abs=PERCENTAGE_POINTS)


def test_the_app_has_the_executorch_of_the_exporter() -> None:
    """ExecuTorch promises that a runtime loads files of its own version and older ones."""
    catalogue = tomllib.loads((REPOSITORY / "android_demo/gradle/libs.versions.toml").read_text())
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    pins = [each for each in project["project"]["optional-dependencies"]["quantize"] if each.startswith("executorch==")]
    (exporter,) = (each.removeprefix("executorch==").split(".") for each in pins)
    (library,) = (each for each in catalogue["libraries"].values() if "executorch-android" in str(each))
    app = catalogue["versions"][library["version"]["ref"]].split(".")
    assert app[:2] == exporter[:2]
