import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from levit_edge.documents import from_json, to_json
from levit_edge.errors import PackageError
from levit_edge.package.archive import read_archive, write_archive
from levit_edge.package.contents import DOCUMENT_FILE
from levit_edge.package.document import PackageDocument
from levit_edge.package.package import Package, is_package, read_package_file


def with_document(package: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    """The package with another `model.json`."""
    files = read_archive(package, "it")
    document = json.loads(files[DOCUMENT_FILE])
    change(document)
    return write_archive(files | {DOCUMENT_FILE: json.dumps(document).encode()})


def test_the_document_comes_back_as_it_was(board_package: bytes) -> None:
    document = Package.parse(board_package, "it").document
    again = json.loads(json.dumps(to_json(document)))
    assert from_json(PackageDocument, again, PackageError, "it") == document


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda d: d.update(schema_version=4), "schema_version is 4, expected 1 to 3"),
        (lambda d: d.update(schema_version=1), r"schema_version 3 with README\.md, else 2 if a model computes in"),
        (lambda d: d.update(surprise=1), "unknown keys"),
        (lambda d: d.pop("classes"), "it lacks classes"),
        (lambda d: d.update(classes="3"), "classes is '3', expected int"),
        (lambda d: d.update(classes=4), r"golden_output of \(N, classes\)"),
        (lambda d: d.update(purpose="fridge"), "expected one of android, board"),
        (lambda d: d.update(purpose="android"), "exactly the files of a package for android"),
        (lambda d: d["files"].pop("labels.txt"), r"missing labels\.txt; unknown none"),
        (lambda d: d["files"].update({"../x": d["files"]["labels.txt"]}), r"unknown \.\./x"),
        (lambda d: d["files"]["labels.txt"].update(sha256="0"), r"labels\.txt'\]\.sha256 is '0', expected 64 hex"),
        (lambda d: d["files"]["labels.txt"].update(size_bytes=-1), r"labels\.txt'\]\.size_bytes is -1, expected"),
        (lambda d: d["models"].reverse(), "the models of a package for board"),
        (lambda d: d["models"][0].update(file="../model.pte"), r"the models of a package for board, model\.pte, model"),
        (lambda d: d["models"][0].update(least_sqnr_db=-1e9), "a least_sqnr_db above 0"),
        (lambda d: d["golden_input"].update(shape=[2, 3, 64, 64]), "a golden_input of"),
        (lambda d: d["golden_input"].update(shape=[]), "golden inputs"),
        (lambda d: d["golden_input"].update(shape=[1 << 40, 3, 32, 32]), r"shape\[0\] is 1099511627776"),
        (lambda d: d["golden_input"].update(shape=[-2, 3, 32, 32]), r"shape\[0\] is -2, expected 1 to"),
        (lambda d: d["golden_input"].update(file="labels.txt"), r"labels\.txt as large as its shape says"),
        (lambda d: d["input"].update(mean=[0.5, 0.5]), "2 entries, expected 3"),
        (lambda d: d["input"].update(std=[0.0, 0.0, 0.0]), "preprocessing std is 0.0"),
        (lambda d: d["input"].update(interpolation="nearest"), "expected 'bicubic' or 'bilinear' or 'lanczos'"),
        (lambda d: d["input"].update(crop="five"), "crop is 'five', expected center or squash"),
    ],
)  # fmt: skip
def test_a_wrong_document_is_refused(
    board_package: bytes, change: Callable[[dict[str, Any]], object], complaint: str
) -> None:
    with pytest.raises(PackageError, match=complaint):
        Package.parse(with_document(board_package, change), "it")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda d: d.update(schema_version=2), r"schema_version 3 with README\.md, else 2 if"),
        (lambda d: d["models"][-1].update(precision="int8"), r"expected model-f16\.pte as int8-f16"),
        (lambda d: d["models"][-1].update(runtime="onnxruntime"), "the models of a package for board"),
        (lambda d: d["models"].pop(), "the models of a package for board"),
        (lambda d: d["files"].pop("model-f16.pte"), r"unknown golden_output-f16\.pte\.f32"),
        (lambda d: d["models"][-1]["golden_output"].update(file="golden_output.pte.f32"), "each model's own"),
    ],
)  # fmt: skip
def test_a_wrong_document_with_float16_is_refused(
    float16_package: bytes, change: Callable[[dict[str, Any]], object], complaint: str
) -> None:
    with pytest.raises(PackageError, match=complaint):
        Package.parse(with_document(float16_package, change), "it")


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("model.pte", b"another", r"model\.pte in it is damaged or was changed: 7 bytes"),
        (DOCUMENT_FILE, b"", r"model\.json of it is not JSON"),
        (DOCUMENT_FILE, b"[" * 100_000, "is not JSON"),
        (DOCUMENT_FILE, b" " * (1 << 20) + b"{}", "expected at most 1 MiB"),
        (DOCUMENT_FILE, b'{"classes": NaN}', "NaN is not a JSON number"),
    ],
)
def test_a_changed_file_is_refused(board_package: bytes, name: str, content: bytes, complaint: str) -> None:
    files = read_archive(board_package, "it")
    with pytest.raises(PackageError, match=complaint):
        Package.parse(write_archive(files | {name: content}), "it")


def moved(package: bytes, old: str, new: str) -> bytes:
    """The package with a file by another name."""
    files = read_archive(package, "it")
    files[new] = files.pop(old)
    document = json.loads(files[DOCUMENT_FILE])
    document["files"][new] = document["files"].pop(old)
    return write_archive(files | {DOCUMENT_FILE: json.dumps(document).encode()})


def test_modules_of_another_version_are_as_good(board_package: bytes) -> None:
    other = moved(board_package, "levit_edge/device/facts.py", "levit_edge/runtime/board/agent.py")
    assert "levit_edge/runtime/board/agent.py" in Package.parse(other, "it").files


@pytest.mark.parametrize("name", ["levit_edge/device/facts.so", "other/facts.py", "facts.py", "levit_edge/../x.py"])
def test_what_is_no_module_of_ours_is_refused(board_package: bytes, name: str) -> None:
    with pytest.raises(PackageError, match=r"exactly the files of a package for board|points outside"):
        Package.parse(moved(board_package, "levit_edge/device/facts.py", name), "it")


@pytest.mark.parametrize("name", [DOCUMENT_FILE, "labels.txt"])
def test_a_missing_file_is_refused(board_package: bytes, name: str) -> None:
    files = read_archive(board_package, "it")
    del files[name]
    with pytest.raises(PackageError, match=rf"has no {name}|missing {name}"):
        Package.parse(write_archive(files), "it")


@given(seed=st.integers(0, 2**32))
def test_no_flipped_bit_of_a_file_goes_unseen(board_package: bytes, seed: int) -> None:
    generator, files = random.Random(seed), read_archive(board_package, "it")
    name = generator.choice([each for each in files if each != DOCUMENT_FILE and files[each]])
    data = bytearray(files[name])
    data[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
    with pytest.raises(PackageError, match="is damaged or was changed"):
        Package.parse(write_archive(files | {name: bytes(data)}), "it")


@given(junk=st.binary(max_size=300))
def test_junk_is_a_message(junk: bytes) -> None:
    with pytest.raises(PackageError):
        Package.parse(junk, "it")


@given(seed=st.integers(0, 2**32))
def test_a_damaged_archive_is_a_message_or_the_package(board_package: bytes, seed: int) -> None:
    generator, data = random.Random(seed), bytearray(board_package)
    for _ in range(generator.randrange(1, 4)):
        data[generator.randrange(len(data))] = generator.randrange(256)
    try:
        package = Package.parse(bytes(data), "it")
    except PackageError:
        return
    whole = Package.parse(board_package, "it")
    assert package.files == whole.files  # such as another time


def test_what_cannot_be_read_is_a_message(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.zip", tmp_path / ("x" * 300)):
        with pytest.raises(PackageError, match=r"(is a folder|does not exist); expected a package|cannot be read"):
            read_package_file(path)


def test_a_package_of_another_version_is_known_as_ours(board_package: bytes, tmp_path: Path) -> None:
    path = tmp_path / "p.zip"
    path.write_bytes(with_document(board_package, lambda d: d.update(schema_version=9, new=1)))
    assert is_package(path)
    path.write_bytes(write_archive({DOCUMENT_FILE: b"{}"}))
    assert not is_package(path)
