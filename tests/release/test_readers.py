"""The demo's files in other runtimes than those that it is made with.

ONNX files in the oldest and the newest onnxruntime that were tried, each in an environment of its own; `.pte` files in
a newer ExecuTorch, beside the torch that is here.
"""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import onnx
import pytest

from benchmarks.readers import environment, readings
from levit_edge.bundle.reader import Bundle
from levit_edge.device.oldest import NEWEST_TRIED, OLDEST_BY_FORM
from levit_edge.package.contents import Purpose
from levit_edge.package.pack import pack
from levit_edge.package.write import write_package
from tests.release.conftest import ROOT, UV, succeed

pytestmark = pytest.mark.release
OLDEST = OLDEST_BY_FORM[8, 18]
NEWER_EXECUTORCH = "1.5.1"
FLOAT16_DIFFERENCE = 0.05
"""Of a logit: a float16 convolution in front of int8 moves single steps. Seen: 0.02."""


@pytest.fixture(scope="module", params=[OLDEST, NEWEST_TRIED])
def reader(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """A version and the Python that has it."""
    return request.param, environment(tmp_path_factory.mktemp(request.param) / "environment", request.param)


@pytest.fixture
def bundle(demo_bundle: tuple[Path, dict[str, Any]]) -> Bundle:
    return Bundle.open(demo_bundle[0])


def test_all_golden_logits_have_the_same_bits(reader: tuple[str, Path], bundle: Bundle) -> None:
    version, python = reader
    found = readings(python, version, bundle)
    assert [(each.bits, each.difference, each.error) for each in found] == [(True, 0.0, None)] * 2


def test_a_board_package_passes_its_self_test(reader: tuple[str, Path], bundle: Bundle, tmp_path: Path) -> None:
    version, python = reader
    write_package(tmp_path / "demo.zip", pack(bundle, Purpose.BOARD))
    shutil.unpack_archive(tmp_path / "demo.zip", tmp_path / "board")
    assert f"model.onnx in onnxruntime {version}: " in succeed(python, "run.py", "--self-test", cwd=tmp_path / "board")


def test_files_of_before_need_a_newer_one(reader: tuple[str, Path], bundle: Bundle, tmp_path: Path) -> None:
    """They have IR version 10, and the same logits."""
    version, python = reader
    before = Bundle.open(shutil.copytree(bundle.path, tmp_path / "before"))
    for file in ("fp32.onnx", "int8.onnx"):
        model = onnx.load(before.path / file)
        assert model.ir_version == 8
        model.ir_version = 10
        onnx.save(model, before.path / file)
    too_old = f"onnxruntime {OLDEST} is installed; the file needs 1.18.0 or newer: pip install 'onnxruntime>=1.18.0'"
    for each in readings(python, version, before):
        assert (each.bits, each.error) == ((False, too_old) if version == OLDEST else (True, None))


def test_a_newer_executorch_gives_the_same_bits_but_for_float16(bundle: Bundle, tmp_path: Path) -> None:
    """Its bindings have another name, and it requires no torch."""
    install = ("pip", "install", "--quiet", "--python", sys.executable, "--no-deps", "--target", tmp_path)
    succeed(UV, *install, f"executorch=={NEWER_EXECUTORCH}", cwd=tmp_path)

    def python(*arguments: str | Path) -> str:
        return succeed(sys.executable, *arguments, cwd=ROOT, PYTHONPATH=str(tmp_path))

    which = "from levit_edge.device.engines import import_engine; print(import_engine('executorch')[0])"
    assert python("-c", which) == f"executorch {NEWER_EXECUTORCH}\n"
    programs = [bundle.path / each.file for each in bundle.manifest.artifacts if each.file.endswith(".pte")]
    golden = bundle.path / bundle.manifest.golden_file
    said = json.loads(python("-m", "benchmarks.reader_probe", golden, *programs))
    assert {each["error"] for each in said.values()} == {None}
    assert {name for name, each in said.items() if each["bits"]} >= {"fp32.pte", "int8.pte"}
    assert said["int8-f16.pte"]["difference"] < FLOAT16_DIFFERENCE
