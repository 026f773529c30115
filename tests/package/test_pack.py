import dataclasses
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.reader import Bundle
from levit_edge.device.run import parse_arguments
from levit_edge.errors import BundleError
from levit_edge.package.archive import write_archive
from levit_edge.package.contents import DOCUMENT_FILE, ZIPPED, Purpose, expected_files
from levit_edge.package.document import Accuracy
from levit_edge.package.pack import pack, packed_files
from levit_edge.package.package import Package

PACK = (
    "import os, sys, pathlib\nos.umask(int(sys.argv[3], 8))\n"
    "from levit_edge.bundle.reader import Bundle\n"
    "from levit_edge.package.contents import Purpose\n"
    "from levit_edge.package.pack import pack\n"
    "pathlib.Path(sys.argv[2]).write_bytes(pack(Bundle.open(sys.argv[1]), Purpose.BOARD))\n"
)


def test_the_same_bundle_gives_the_same_bytes_anywhere(packable_bundle: Bundle, tmp_path: Path) -> None:
    for name, zone, umask, seed in (("a", "UTC", "000", "1"), ("b", "Asia/Kathmandu", "077", "2")):
        environment = os.environ | {"TZ": zone, "PYTHONHASHSEED": seed}
        arguments = [str(packable_bundle.path), str(tmp_path / name), umask]
        subprocess.run([sys.executable, "-c", PACK, *arguments], check=True, env=environment)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == pack(packable_bundle, Purpose.BOARD)


@pytest.mark.parametrize("purpose", ZIPPED)
def test_a_package_has_the_files_of_its_purpose_and_their_hashes(packable_bundle: Bundle, purpose: Purpose) -> None:
    with zipfile.ZipFile(BytesIO(pack(packable_bundle, purpose))) as archive:
        assert archive.namelist()[0] == DOCUMENT_FILE
        assert set(archive.namelist()) == expected_files(purpose) | {DOCUMENT_FILE}
        for name, listed in json.loads(archive.read(DOCUMENT_FILE))["files"].items():
            data = archive.read(name)
            assert listed == {"size_bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        assert archive.read("model.pte") == packable_bundle.read("int8.pte")
        assert archive.read("labels.txt") == packable_bundle.read("labels.txt")
        assert ("model.onnx" in archive.namelist()) == (purpose is Purpose.BOARD)


@pytest.mark.parametrize(("purpose", "versions"), [(Purpose.ANDROID, (1, 2)), (Purpose.BOARD, (3, 3))])
def test_a_file_with_float16_comes_last_and_makes_it_version_2_for_apps(
    packable_bundle: Bundle, float16_bundle: Bundle, purpose: Purpose, versions: tuple[int, int]
) -> None:
    """Who takes the first model goes on taking int8; a package without the other one stays what older readers know."""
    before = Package.parse(pack(packable_bundle, purpose), "it").document
    package = Package.parse(pack(float16_bundle, purpose), "it")
    assert (before.schema_version, package.document.schema_version) == versions
    assert set(package.files) == expected_files(purpose, second=True)
    *others, model = package.document.models
    assert [each.file for each in others] == [each.file for each in before.models]
    assert model.file == "model-f16.pte"
    assert (model.runtime, model.precision) == (Runtime.EXECUTORCH, Precision.INT8_FLOAT16)
    assert (model.made_with, model.least_sqnr_db, model.accuracy) == ("1.4.1", 20.0, None)
    assert b"model.*, model-f16.pte, golden_*" in package.files["NOTICE.txt"]
    assert package.files["model-f16.pte"] == float16_bundle.read("int8-f16.pte")
    assert np.array_equal(package.floats(model.golden_output), float16_bundle.golden()["int8-f16.pte"])


def test_a_package_may_hold_that_one_alone_to_be_timed(float16_bundle: Bundle) -> None:
    artifact = float16_bundle.artifact(Runtime.EXECUTORCH, Precision.INT8_FLOAT16)
    package = Package.parse(write_archive(packed_files(float16_bundle, Purpose.ANDROID, [artifact])), "it")
    (model,) = package.document.models
    assert (model.file, model.precision, package.document.schema_version) == ("model.pte", "int8-f16", 2)


def test_golden_files_are_plain_little_endian_floats(packable_bundle: Bundle, android_package: bytes) -> None:
    golden = packable_bundle.golden()
    with zipfile.ZipFile(BytesIO(android_package)) as archive:
        document = json.loads(archive.read(DOCUMENT_FILE))
        assert document["golden_input"] == {"file": "golden_input.f32", "shape": [2, 3, 32, 32]}
        assert archive.read("golden_input.f32") == golden["inputs"].astype("<f4").tobytes()
        (model,) = document["models"]
        assert model["golden_output"] == {"file": "golden_output.pte.f32", "shape": [2, 3]}
        assert archive.read("golden_output.pte.f32") == golden["int8.pte"].astype("<f4").tobytes()


def test_a_package_says_what_the_bundle_said(packable_bundle: Bundle, board_package: bytes) -> None:
    document, manifest = Package.parse(board_package, "it").document, packable_bundle.manifest
    assert document.input.preprocessing() == manifest.preprocessing
    assert document.classes == 3
    assert {model.file: model.runtime for model in document.models} == {
        "model.pte": Runtime.EXECUTORCH,
        "model.onnx": Runtime.ONNXRUNTIME,
    }
    pte, onnx = document.models
    assert pte.accuracy == Accuracy(
        top1=70.0, top5=95.0, drop_pt=0.5, drop_ci95_pt=(-1.0, 2.0), agreement=98.0, sqnr_db=34.0
    )
    assert onnx.accuracy is None  # it was not measured
    assert (pte.made_with, pte.oldest_runtime.version, pte.least_sqnr_db) == ("1.4.1", "1.3.1", 20.0)
    assert onnx.oldest_runtime.version == "1.18.0", "IR version 10, as bundles had it before"
    assert (document.evaluation.samples, document.evaluation.gate) == (2, manifest.verification.gate)
    assert document.checkpoint.sha256 == manifest.checkpoint.sha256


def test_a_package_tells_strangers_no_folder_of_its_maker(board_package: bytes) -> None:
    document = Package.parse(board_package, "it").document
    assert (document.checkpoint.source, document.calibration.source) == ("tiny.pth", "photographs")
    assert b"someone" not in board_package


def test_floats_and_labels_are_those_of_the_bundle(packable_bundle: Bundle, board_package: bytes) -> None:
    package = Package.parse(board_package, "it")
    assert package.labels() == packable_bundle.labels()
    assert np.array_equal(package.floats(package.document.golden_input), packable_bundle.golden()["inputs"])


OTHERWISE = [({"squash": True}, r"crop squash \(bicubic\)"), ({"interpolation": "lanczos"}, "lanczos")]


@pytest.mark.parametrize(("change", "complaint"), OTHERWISE)
def test_other_preprocessing_is_for_boards_alone(
    packable_bundle: Bundle, change: dict[str, Any], complaint: str
) -> None:
    preprocessing = dataclasses.replace(packable_bundle.manifest.preprocessing, **change)
    manifest = dataclasses.replace(packable_bundle.manifest, preprocessing=preprocessing)
    bundle = Bundle(packable_bundle.path, manifest)
    with pytest.raises(BundleError, match=f"resized with {complaint}, and the Android code does bicubic"):
        pack(bundle, Purpose.ANDROID)
    assert Package.parse(pack(bundle, Purpose.BOARD), "it").document.input.preprocessing() == preprocessing


@pytest.mark.parametrize("purpose", ZIPPED)
def test_usual_preprocessing_has_no_new_keys(packable_bundle: Bundle, purpose: Purpose) -> None:
    with zipfile.ZipFile(BytesIO(pack(packable_bundle, purpose))) as archive:
        stated = json.loads(archive.read(DOCUMENT_FILE))["input"]
    keys = ["image_size", "resize", "interpolation", "crop", "channels", "mean", "std", "layout"]
    assert list(stated) == keys
    assert (stated["interpolation"], stated["crop"]) == ("bicubic", "center")


def test_a_bundle_that_does_not_name_its_tools_is_refused(packable_bundle: Bundle) -> None:
    bundle = Bundle(packable_bundle.path, dataclasses.replace(packable_bundle.manifest, tools={}))
    with pytest.raises(BundleError, match="does not say which executorch made the files"):
        pack(bundle, Purpose.ANDROID)


@pytest.mark.parametrize("purpose", ZIPPED)
def test_a_bundle_without_a_pte_is_refused(tiny_bundle: Path, purpose: Purpose) -> None:
    with pytest.raises(BundleError, match=f"has no {Precision.INT8} artifact for executorch"):
        pack(Bundle.open(tiny_bundle), purpose)


def test_the_readme_of_a_board_says_what_to_type_for_this_package(float16_package: bytes) -> None:
    text = Package.parse(float16_package, "it").files["README.md"].decode()
    assert "3 classes: red, green, blå." in text
    assert "pip install numpy pillow 'onnxruntime>=1." in text
    assert "# model.onnx\n" in text
    assert "`model-f16.pte` (INT8 with float16, ExecuTorch)" in text
    for step in ("-m venv", "--self-test", "--camera 0", "--skip-bad-images", "If it does not work"):
        assert step in text
    assert not re.findall(r"[{}]", text)


def test_what_the_readme_calls_is_understood(float16_package: bytes) -> None:
    text = Package.parse(float16_package, "it").files["README.md"].decode()
    calls = re.findall(r"python run\.py ([^#\n|`]+)", text)
    assert len(calls) >= 6
    for call in calls:
        if call.strip() != "--help":
            parse_arguments(shlex.split(call))


def test_a_package_for_a_board_without_readme_is_still_read(board_package: bytes) -> None:
    """As they were before version 3."""
    files = dict(Package.parse(board_package, "it").files)
    del files["README.md"]
    document = json.loads(files.pop(DOCUMENT_FILE)) if DOCUMENT_FILE in files else document_of(board_package)
    del document["files"]["README.md"]
    document["schema_version"] = 1
    older = write_archive({**files, DOCUMENT_FILE: json.dumps(document).encode()})
    assert Package.parse(older, "it").document.schema_version == 1


def document_of(package: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(BytesIO(package)) as archive:
        found: dict[str, Any] = json.loads(archive.read(DOCUMENT_FILE))
    return found
