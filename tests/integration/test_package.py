"""A package of a real LeViT: both runtimes reproduce its golden outputs, and a board says what `predict` says."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.conftest import Made
from tests.integration.conftest import levit_edge

pytestmark = pytest.mark.export
PHOTOGRAPHS = sorted((Path(__file__).parents[2] / "levit_edge/data/demo/evaluation").glob("*/*.jpg"))[::24]


@pytest.fixture(scope="module")
def package(demo_bundle: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("package") / "demo.zip"
    made = levit_edge("package", demo_bundle[0], "--for", "board", "--output", path)
    assert made.returncode == 0, made.stderr
    return path


def test_all_models_give_their_golden_outputs(package: Path) -> None:
    found = levit_edge("verify", package)
    assert found.returncode == 0, found.stderr
    models = {"model.pte": "executorch", "model-f16.pte": "executorch", "model.onnx": "onnxruntime"}
    for model in (f"{file}: computes in {runtime}" for file, runtime in models.items()):
        assert model in found.stdout


@pytest.mark.parametrize("runtime", ["executorch", "onnxruntime"])
def test_run_says_what_predict_says(package: Path, demo_bundle: Made, tmp_path: Path, runtime: str) -> None:
    with zipfile.ZipFile(package) as archive:
        archive.extractall(tmp_path)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "run.py", "--runtime", runtime, *map(str, PHOTOGRAPHS)]
    found = subprocess.run(command, cwd=tmp_path, env=environment, check=False, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    expected = levit_edge("predict", demo_bundle[0], *PHOTOGRAPHS, "--runtime", runtime)
    assert len(PHOTOGRAPHS) == 5
    assert found.stdout == expected.stdout
