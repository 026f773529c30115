"""Labels and golden logits of a bundle whose hashes fit and whose files do not."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from levit_edge.bundle import reader as bundle
from levit_edge.bundle.place import MANIFEST_FILE
from levit_edge.bundle.reader import Bundle
from levit_edge.errors import BundleError


def replace_file(folder: Path, name: str, content: bytes) -> None:
    """Change a file and its SHA-256 in the manifest: what someone would do who means harm."""
    (folder / name).write_bytes(content)
    manifest = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
    manifest["files"][name] = hashlib.sha256(content).hexdigest()
    (folder / MANIFEST_FILE).write_text(json.dumps(manifest), encoding="utf-8")


class Trap:
    """Leaves a mark if it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.mark,)


def test_golden_logits_are_never_unpickled(bundle_path: Path, tmp_path: Path) -> None:
    archive = io.BytesIO()
    np.savez(archive, inputs=np.array([Trap(tmp_path / "sprung")], dtype=object))
    replace_file(bundle_path, "golden.npz", archive.getvalue())
    with pytest.raises(BundleError, match=r"golden\.npz is not an archive of arrays"):
        Bundle.open(bundle_path).golden()
    assert not (tmp_path / "sprung").exists()
    np.load(io.BytesIO(archive.getvalue()), allow_pickle=True)["inputs"]
    assert (tmp_path / "sprung").exists()  # the trap was real


@pytest.mark.parametrize("kind", ["empty", "text", "no archive", "one array", "cut", "scrambled"])
def test_a_golden_file_that_is_no_archive_is_refused(bundle_path: Path, kind: str) -> None:
    whole = (bundle_path / "golden.npz").read_bytes()
    array = io.BytesIO()
    np.save(array, np.zeros(3), allow_pickle=False)
    content = {
        "empty": b"",
        "text": b"inputs = 1, 2, 3",
        "no archive": b"PK\x03\x04" + bytes(100),
        "one array": array.getvalue(),
        "cut": whole[: len(whole) // 2],
        "scrambled": whole[:60] + bytes(1000) + whole[1060:],
    }
    replace_file(bundle_path, "golden.npz", content[kind])
    with pytest.raises(BundleError, match=r"golden\.npz is not an archive of arrays"):
        Bundle.open(bundle_path).golden()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "0 labels for 3 classes"),
        (b"red\ngreen\n", "2 labels for 3 classes"),
        (b"red\ngreen\nblue\npink\n", "4 labels for 3 classes"),
        (b"red\ngreen\nbl\xe5\n", "is not UTF-8"),
    ],
)
def test_labels_that_do_not_fit_are_refused(bundle_path: Path, content: bytes, complaint: str) -> None:
    replace_file(bundle_path, "labels.txt", content)
    with pytest.raises(BundleError, match=complaint):
        Bundle.open(bundle_path).labels()


def archive(**arrays: np.typing.NDArray[Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def deflated(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as written:
        written.writestr(name, content)
    return buffer.getvalue()


INPUTS = np.zeros((2, 3, 32, 32), np.float32)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (archive(inputs=INPUTS, **{"int8.onnx": np.array([b"\x93N", b"?"])}), r"has \|S2 \(2,\) as 'int8\.onnx'"),
        (archive(inputs=INPUTS, **{"int8.onnx": np.zeros((2, 4), "f4")}), r"has float32 \(2, 4\) as 'int8\.onnx'"),
        (archive(inputs=INPUTS, **{"int8.onnx": np.full((2, 3), np.nan, "f4")}), "expected finite float32"),
        (archive(inputs=INPUTS[:0]), r"has float32 \(0, 3, 32, 32\) as 'inputs'"),
        (archive(inputs=np.ones((), "f4")), r"has float32 \(\) as 'inputs'"),
        (archive(other=INPUTS), "has no array as 'inputs'"),
        (deflated("inputs", b"bytes, as numpy gives what is no array"), "has no array as 'inputs'"),
        (deflated("inputs.npy", bytes(1 << 21)), "unfolds to 2,097,152 bytes, expected at most"),
    ],
    ids=["text", "other classes", "no number", "no images", "no axes", "no inputs", "bytes", "bomb"],
)
def test_golden_arrays_are_what_they_are_to_be(
    bundle_path: Path, content: bytes, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "MAX_GOLDEN_BYTES", 1 << 20)
    replace_file(bundle_path, "golden.npz", content)
    with pytest.raises(BundleError, match=complaint):
        Bundle.open(bundle_path).golden()
