import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.place import MANIFEST_FILE, bundle_files
from levit_edge.bundle.reader import Bundle, plain_file_name
from levit_edge.errors import BundleError
from tests.conftest import with_float16

FILES = ("fp32.onnx", "int8.onnx", "labels.txt", "golden.npz", "report.html")


def replaced(make: Callable[[Path], object]) -> Callable[[Path], None]:
    """Something else with the name of the file."""

    def damage(path: Path) -> None:
        path.unlink()
        make(path)

    return damage


def moved_and_linked(folder: str) -> Callable[[Path], None]:
    """A link to the file itself, which now lies in `folder`."""
    return lambda path: path.symlink_to(path.rename(path.parent / folder / "moved"))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "flipped bit": lambda path: path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:]),
    "last byte changed": lambda path: path.write_bytes(path.read_bytes()[:-1] + b"\xff"),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-2]),
    "appended": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "empty": lambda path: path.write_bytes(b""),
    "missing": Path.unlink,
    "a folder": replaced(Path.mkdir),
    "a pipe": replaced(os.mkfifo),
    "a link to the same file elsewhere": moved_and_linked(".."),
    "a link to the same file in the bundle": moved_and_linked("."),
    "a dangling link": replaced(lambda path: path.symlink_to("nowhere")),
}


def edit(bundle: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest and nothing else."""
    manifest = json.loads((bundle / MANIFEST_FILE).read_text(encoding="utf-8"))
    change(manifest)
    (bundle / MANIFEST_FILE).write_text(json.dumps(manifest), encoding="utf-8")


def rename_in_manifest(manifest: dict[str, Any], old: str, new: str) -> None:
    manifest["files"][new] = manifest["files"].pop(old)
    manifest["artifacts"] = [entry | {"file": entry["file"].replace(old, new)} for entry in manifest["artifacts"]]


def test_a_whole_bundle_opens(tiny_bundle: Path) -> None:
    bundle = Bundle.open(str(tiny_bundle))
    assert bundle_files(tiny_bundle)
    assert set(bundle.manifest.files) == set(FILES)
    assert bundle.artifact(Runtime.ONNXRUNTIME, Precision.INT8).file == "int8.onnx"
    assert bundle.read("int8.onnx") == (tiny_bundle / "int8.onnx").read_bytes()
    assert bundle.labels() == ("red", "green", "blå")
    golden = bundle.golden()
    assert {name: array.shape for name, array in golden.items()} == {
        "inputs": (2, 3, 32, 32),
        "fp32.onnx": (2, 3),
        "int8.onnx": (2, 3),
    }


def test_a_bundle_may_be_reached_by_a_link_and_hold_other_files(bundle_path: Path, tmp_path: Path) -> None:
    (bundle_path / "notes.txt").write_text("mine")
    (tmp_path / "link").symlink_to(bundle_path)
    assert Bundle.open(tmp_path / "link").labels()[0] == "red"


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.timeout(60)
def test_damage_to_a_file_is_found_on_opening_and_on_reading(
    bundle_path: Path, name: str, damage: Callable[[Path], object]
) -> None:
    opened = Bundle.open(bundle_path)
    damage(bundle_path / name)
    with pytest.raises(BundleError, match=f"{name} .*Make the bundle again"):
        Bundle.open(bundle_path)
    with pytest.raises(BundleError, match=f"{name} .*Make the bundle again"):
        opened.read(name)


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (Path.unlink, "has no manifest.json"),
        (replaced(Path.mkdir), "has no manifest.json"),
        (replaced(os.mkfifo), "has no manifest.json"),
        (moved_and_linked(".."), "has no manifest.json"),
        (moved_and_linked("."), "has no manifest.json"),
        (DAMAGE["truncated"], "is not JSON"),
        (DAMAGE["empty"], "is not JSON"),
        (lambda path: path.write_bytes(b"\x89PNG"), "is not JSON"),
        (lambda path: path.write_bytes(b"[" * 10_000), "is not JSON"),
        (lambda path: path.write_text("[]"), "it is .*, expected dict"),
        (lambda path: path.write_text("{}"), "it lacks artifacts, "),
    ],
)
@pytest.mark.timeout(60)
def test_damage_to_the_manifest_is_found(bundle_path: Path, damage: Callable[[Path], object], complaint: str) -> None:
    damage(bundle_path / MANIFEST_FILE)
    with pytest.raises(BundleError, match=complaint):
        Bundle.open(bundle_path)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"surprise": 1}, r"unknown keys \['surprise'\]"),
        ({"schema_version": 2}, "schema_version is 2, expected 1: what this levit-edge reads"),
        ({"schema_version": "1"}, "schema_version is '1', expected int"),
        ({"files": []}, r"files is \[\], expected dict"),
        ({"files": {}}, r"names \['fp32.onnx', .* without their SHA-256"),
        ({"labels_file": "classes.txt"}, r"names \['classes.txt'\] without"),
        ({"golden_file": "../golden.npz"}, r"names \['\.\./golden\.npz'\] without"),
        ({"preprocessing": {}}, "preprocessing lacks"),
    ],
)
def test_a_manifest_of_another_form_is_refused(bundle_path: Path, change: dict[str, Any], complaint: str) -> None:
    edit(bundle_path, lambda manifest: manifest.update(change))
    with pytest.raises(BundleError, match=complaint):
        Bundle.open(bundle_path)


@pytest.mark.parametrize("key", ["sha256", "size_bytes"])
def test_an_artifact_entry_that_does_not_fit_its_file_is_refused(bundle_path: Path, key: str) -> None:
    other = {"sha256": "0" * 64, "size_bytes": 1}
    edit(bundle_path, lambda manifest: manifest["artifacts"][0].update({key: other[key]}))
    with pytest.raises(BundleError, match=r"fp32\.onnx"):
        Bundle.open(bundle_path)


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "a/b", "..", ".", "", ".hidden", "a\\b", "a\0b", "a\nb", "é.onnx", "x" * 129]
)
def test_names_that_are_not_plain_are_refused(bundle_path: Path, name: str) -> None:
    assert not plain_file_name(name)
    edit(bundle_path, lambda manifest: rename_in_manifest(manifest, "fp32.onnx", name))
    with pytest.raises(BundleError, match="expected a plain file name"):
        Bundle.open(bundle_path)


def test_a_name_never_leads_out_of_the_bundle(bundle_path: Path) -> None:
    shutil.copy(bundle_path / "fp32.onnx", bundle_path.parent / "fp32.onnx")
    bundle = Bundle.open(bundle_path)
    bundle.manifest.files["../fp32.onnx"] = bundle.manifest.files["fp32.onnx"]
    for name in ("../fp32.onnx", MANIFEST_FILE, "nothing"):
        with pytest.raises(BundleError, match="is not a file of the bundle"):
            bundle.read(name)


def test_an_artifact_that_is_not_there_is_an_error(tiny_bundle: Path) -> None:
    bundle = Bundle.open(tiny_bundle)
    said = r"has no int8 artifact for executorch: its files are fp32\.onnx, int8\.onnx\."
    with pytest.raises(BundleError, match=said):
        bundle.artifact(Runtime.EXECUTORCH, Precision.INT8)
    with pytest.raises(BundleError, match=r"has no int8-f16 artifact: its files are fp32\.onnx, int8\.onnx\."):
        bundle.artifact(None, Precision.INT8_FLOAT16)


def test_without_a_runtime_it_is_onnx_runtimes_or_the_one_that_has_the_file(bundle_path: Path) -> None:
    bundle = with_float16(bundle_path)
    int8 = bundle.artifact(Runtime.ONNXRUNTIME, Precision.INT8)
    other = replace(int8, file="int8.pte", runtime=Runtime.EXECUTORCH)
    manifest = bundle.manifest
    files = manifest.files | {other.file: other.sha256}
    both = Bundle(bundle.path, replace(manifest, artifacts=(other, *manifest.artifacts), files=files))
    assert both.artifact(None, Precision.INT8) == int8
    assert both.artifact(None, Precision.INT8_FLOAT16).file == "int8-f16.pte"


@pytest.mark.parametrize("name", ["missing", "file", "empty", "x" * 300, "nul\0byte"])
def test_what_is_no_bundle_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("no folder")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BundleError, match="expected a bundle made by `levit-edge quantize`"):
        Bundle.open(tmp_path / name)
    assert not bundle_files(tmp_path / name)
