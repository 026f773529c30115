"""Reading a bundle: the manifest first, then every file checked against its SHA-256 before anyone opens it."""

import hashlib
import io
import os
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.manifest import Artifact, Manifest
from levit_edge.bundle.place import HUB_PREFIX, MANIFEST_FILE, require_bundle
from levit_edge.bundle.self_contained import ELSEWHERE
from levit_edge.documents import from_json, read_json
from levit_edge.errors import BundleError
from levit_edge.text import counted, listed

__all__ = ["Bundle", "plain_file_name", "read_manifest"]

MAX_GOLDEN_BYTES = 1 << 28
"""Ten times what eight images of 512 × 512 pixels are."""
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")


def plain_file_name(name: str) -> bool:
    """Whether `name` is a file name and cannot be a path: letters, digits, dot, dash, underscore."""
    return _PLAIN_NAME.fullmatch(name) is not None


def read_manifest(path: Path) -> Manifest:
    """What the bundle in the folder `path` says about itself; none of its other files is looked at.

    Raises:
        BundleError: it is not a bundle.
    """
    require_bundle(path)
    document = read_json(path / MANIFEST_FILE, BundleError, "the manifest")
    return from_json(Manifest, document, BundleError, f"the manifest {path / MANIFEST_FILE}")


@dataclass(frozen=True)
class Bundle:
    """A finished bundle on disk: `path` is its folder, `manifest` what it says about itself.

    Files are read whole, without following links, and only after their names and SHA-256 were checked.
    """

    path: Path
    manifest: Manifest

    @classmethod
    def open(cls, path: Path | str) -> Self:
        """Open the bundle at `path` and check every file of it; `hf:owner/name` is fetched from the Hugging Face hub.

        Raises:
            BundleError: it is not a bundle, or a file is missing, added to, or not the one in the manifest.
            DownloadError: one of the hub cannot be fetched.
        """
        path = _at_hand(str(path))
        bundle = cls(path, read_manifest(path))
        runtimes = {each.file: each.runtime for each in bundle.manifest.artifacts}
        sizes = {name: bundle._checked_size(name, runtimes.get(name)) for name in bundle.manifest.files}
        for artifact in bundle.manifest.artifacts:
            if (artifact.size_bytes, artifact.sha256) != (sizes[artifact.file], bundle.manifest.files[artifact.file]):
                raise BundleError(
                    f"the manifest of {path} describes {artifact.file} as another file than the one there."
                )
        return bundle

    @property
    def manifest_sha256(self) -> str:
        """SHA-256 of the manifest's file, in hex; empty for a bundle that is not finished and has none yet."""
        file = self.path / MANIFEST_FILE
        return hashlib.sha256(file.read_bytes()).hexdigest() if file.exists() else ""

    def artifact(self, runtime: Runtime | None, precision: Precision) -> Artifact:
        """The one model file for `runtime` and `precision`; without a runtime ONNX Runtime's, if it has one.

        Raises:
            BundleError: the bundle has none.
        """
        artifacts = self.manifest.artifacts
        found = [each for each in artifacts if each.precision is precision and runtime in (None, each.runtime)]
        if not found:
            asked = f"{precision} artifact" if runtime is None else f"{precision} artifact for {runtime}"
            there = listed([each.file for each in artifacts])
            raise BundleError(f"{self.path} has no {asked}: its files are {there}.")
        return max(found, key=lambda each: each.runtime is Runtime.ONNXRUNTIME)

    def read(self, name: str) -> bytes:
        """The bytes of a file of the bundle, the same that were checked.

        Raises:
            BundleError: the file is missing or not the one in the manifest.
        """
        expected = self.manifest.files.get(name)
        if expected is None or not plain_file_name(name):
            raise BundleError(f"{name!r} is not a file of the bundle {self.path}.")
        data = _read_regular_file(self.path / name)
        found = hashlib.sha256(data).hexdigest()
        if found != expected:
            raise BundleError(
                f"{self.path / name} is damaged or was changed: its SHA-256 is {found[:16]}…, the manifest says"
                f" {expected[:16]}…. Make the bundle again."
            )
        return data

    def labels(self) -> tuple[str, ...]:
        """One name for each class, in class order.

        Raises:
            BundleError: there are more or fewer names than classes, or they are not text.
        """
        try:
            labels = tuple(self.read(self.manifest.labels_file).decode("utf-8").splitlines())
        except UnicodeDecodeError as error:
            raise BundleError(f"{self.path / self.manifest.labels_file} is not UTF-8 ({error}).") from error
        if len(labels) != self.manifest.config.classes:
            raise BundleError(
                f"{counted(len(labels), 'label')} for {counted(self.manifest.config.classes, 'class')} in {self.path}."
            )
        return labels

    def golden(self) -> dict[str, NDArray[np.float32]]:
        """`inputs` (N, 3, size, size) and, by artifact file name, the logits (N, classes) it gave.

        Raises:
            BundleError: the file is not an archive of such arrays.
        """
        data, path = self.read(self.manifest.golden_file), self.path / self.manifest.golden_file
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                unfolded = sum(entry.file_size for entry in archive.infolist())
            if unfolded > MAX_GOLDEN_BYTES:
                raise BundleError(f"{path} unfolds to {unfolded:,} bytes, expected at most {MAX_GOLDEN_BYTES:,}.")
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                golden = {name: arrays[name] for name in arrays.files}
        except BundleError:
            raise
        except Exception as error:  # a damaged archive ends in errors of numpy, zipfile, zlib and more
            raise BundleError(f"{path} is not an archive of arrays: {error}") from error
        self._check_golden(golden, path)
        return golden

    def _check_golden(self, golden: Mapping[str, object], path: Path) -> None:
        size, inputs = self.manifest.preprocessing.image_size, golden.get("inputs")
        images = len(inputs) if isinstance(inputs, np.ndarray) and inputs.ndim else 0
        logits = dict.fromkeys(golden, (images, self.manifest.config.classes))
        for name, shape in ({"inputs": ()} | logits | {"inputs": (images, 3, size, size)}).items():
            array = golden.get(name)
            fits = isinstance(array, np.ndarray) and (array.dtype, array.shape) == (np.float32, shape)
            if not fits or not images or not np.isfinite(array).all():  # type: ignore[call-overload]
                found = f"{array.dtype} {array.shape}" if isinstance(array, np.ndarray) else "no array"
                raise BundleError(
                    f"{path} has {found} as {name!r}, expected finite float32 {shape}. Make the bundle again."
                )

    def _checked_size(self, name: str, runtime: Runtime | None) -> int:
        if not plain_file_name(name):
            raise BundleError(f"the manifest of {self.path} names the file {name!r}, expected a plain file name.")
        data = self.read(name)
        if runtime and not runtime.entry.self_contained(data):
            raise BundleError(f"{self.path / name}: {ELSEWHERE}")
        return len(data)


def _at_hand(path: str) -> Path:
    if not path.startswith(HUB_PREFIX):
        return Path(path)
    from levit_edge.bundle.from_hub import fetch_bundle, on_hub

    asked = on_hub(path)
    return Path(path) if asked is None else fetch_bundle(asked)


def _read_regular_file(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
            return file.read()
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}. Make the bundle again.") from error
