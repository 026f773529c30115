"""The wheel in an environment of its own, without torch: the commands of a base install on a bundle."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from levit_edge.errors import ExitStatus
from scripts.lower_bounds import lower_bounds
from tests.release.conftest import call, succeed

pytestmark = pytest.mark.release
LEAST_SQNR_DB = 32.0
"""As in tests/integration/test_demo.py."""
TORCH = "error: torch is not installed, and this needs it: run `pip install 'levit-edge[quantize]'`.\n"


@pytest.fixture(scope="module")
def place(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the photographs that are part of what was installed."""
    folder = tmp_path_factory.mktemp("place")
    code = "from levit_edge import demo; print(demo.evaluation_dir())"
    (folder / "photographs").symlink_to(succeed(installed / "python", "-c", code, cwd=folder).strip())
    assert (folder / "photographs").resolve().is_relative_to(installed.parent)
    return folder


def levit_edge(installed: Path, place: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return call(installed / "levit-edge", *arguments, cwd=place)


def json_of(installed: Path, place: Path, *arguments: str | Path) -> dict[str, Any]:
    result = levit_edge(installed, place, *arguments, "--json")
    assert result.returncode == 0, result.stderr
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_the_versions_are_those_that_were_asked_for(
    installed: Path, place: Path, request: pytest.FixtureRequest
) -> None:
    code = "import importlib.metadata as m, json, sys; print(json.dumps([m.version(n) for n in sys.argv[1:]]))"
    bounds = dict(bound.split("==") for bound in lower_bounds())
    found = json.loads(succeed(installed / "python", "-c", code, *bounds, cwd=place))
    exact = [version.startswith(bound) for version, bound in zip(found, bounds.values(), strict=True)]
    assert all(exact) == ("lowest" in request.node.callspec.id), found


def test_bundles_can_be_used(installed: Path, place: Path, demo_bundle: tuple[Path, dict[str, Any]]) -> None:
    bundle, made = demo_bundle
    photograph = next((place / "photographs" / "pants").iterdir())
    (predicted,) = json_of(installed, place, "predict", bundle, photograph)["results"]
    assert predicted["guesses"][0]["label"] == "pants"

    arguments = ("verify", bundle, "--evaluation", "photographs", "--runtime", "onnxruntime", "--max-drop", "5")
    fp32, int8 = json_of(installed, place, *arguments)["results"]
    expected = {result["artifact"]: result for result in made["results"]}
    assert fp32["top1"] == expected["fp32.onnx"]["top1"]
    assert int8["sqnr_db"] > LEAST_SQNR_DB

    timed = json_of(installed, place, "bench", bundle, "--runs", "2", "--threads", "1", "--runtime", "onnxruntime")
    assert [each["artifact"] for each in timed["results"]] == ["fp32.onnx", "int8.onnx"]
    assert all(each["latency_ms"]["p50"] > 0 and not each["error"] for each in timed["results"])

    facts = json_of(installed, place, "inspect", bundle)
    assert (facts["kind"], facts["size"]) == ("bundle", "demo")
    assert all("is not installed" in artifact["not_inspected"] for artifact in facts["artifacts"])


def test_bundles_can_be_packed_and_packages_checked(
    installed: Path, place: Path, demo_bundle: tuple[Path, dict[str, Any]]
) -> None:
    json_of(installed, place, "package", demo_bundle[0], "--for", "board", "--output", "demo.zip")
    tests = {test["file"]: test for test in json_of(installed, place, "verify", "demo.zip")["self_tests"]}
    assert tests["model.onnx"]["max_abs_difference"] is not None
    assert tests["model.pte"]["max_abs_difference"] is None  # no ExecuTorch


def test_doctor_finds_what_is_there_and_what_is_not(installed: Path, place: Path) -> None:
    checks = {check["name"]: check for check in json_of(installed, place, "doctor")["checks"]}
    assert checks["packages"]["status"] == "ok", checks["packages"]
    assert checks["quantize packages"]["status"] in {"missing", "problem"}
    assert "levit-edge[quantize]" in checks["quantize packages"]["advice"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("quantize", "--model", "demo"), TORCH),
        (("sensitivity", "--model", "demo"), TORCH),
        (("inspect", "weights.pth"), TORCH),
        (("verify", "BUNDLE", "--evaluation", "photographs"), "ask for ONNX alone with `--runtime onnxruntime`"),
        (("package", "BUNDLE", "--for", "board", "--sign", "key.pem"), "pip install 'levit-edge[sign]'"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_what_a_base_install_lacks_is_said(
    installed: Path, place: Path, demo_bundle: tuple[Path, dict[str, Any]], arguments: tuple[str, ...], message: str
) -> None:
    (place / "weights.pth").write_bytes(b"PK")
    result = levit_edge(installed, place, *(str(demo_bundle[0]) if each == "BUNDLE" else each for each in arguments))
    assert result.returncode == ExitStatus.BAD_INPUT
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not (place / "levit-demo-int8").exists()
