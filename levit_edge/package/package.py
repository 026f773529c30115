"""Reading a package: nothing of it is used before the archive, its document and every file's SHA-256 were checked."""

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from levit_edge.documents import from_json, parse_json
from levit_edge.errors import PackageError
from levit_edge.package.archive import MAX_PACKAGE_BYTES, read_archive
from levit_edge.package.contents import DOCUMENT_FILE, ZIPPED
from levit_edge.package.document import FloatArray, PackageDocument
from levit_edge.package.web.folder import read_folder
from levit_edge.package.web.page import is_page, read_page
from levit_edge.places import found_at, unreadable
from levit_edge.text import counted, listed

__all__ = ["Package", "is_package", "read_package_file"]

MAX_DOCUMENT_BYTES = 2**20


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package in memory, all of it checked."""

    document: PackageDocument
    files: Mapping[str, bytes]
    """All but `model.json`."""

    @classmethod
    def parse(cls, data: bytes, what: str) -> Self:
        """Check a package's bytes; `what` names it in messages.

        Raises:
            PackageError: it is not a package, is damaged, or holds anything that a package does not.
        """
        page = is_page(data)
        return cls._of(read_page(data, what) if page else read_archive(data, what), what, page=page)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Check the package at `path`, a file or the folder of a page.

        Raises:
            PackageError: as for `parse`, or it cannot be read.
        """
        if path.is_dir():
            return cls.of_page(read_folder(path), str(path))
        return cls.parse(read_package_file(path), str(path))

    @classmethod
    def of_page(cls, files: Mapping[str, bytes], what: str) -> Self:
        """Check the files of a package that lie in a page, or beside it.

        Raises:
            PackageError: as for `parse`.
        """
        return cls._of({**files}, what, page=True)

    @classmethod
    def _of(cls, files: dict[str, bytes], what: str, *, page: bool) -> Self:
        content = files.pop(DOCUMENT_FILE, None)
        if content is None:
            raise PackageError(f"{what} has no {DOCUMENT_FILE}, expected a package made by `levit-edge package`.")
        if len(content) > MAX_DOCUMENT_BYTES:
            raise PackageError(f"{DOCUMENT_FILE} of {what} has {len(content):,} bytes, expected at most 1 MiB.")
        name = f"{DOCUMENT_FILE} of {what}"
        document = from_json(PackageDocument, parse_json(content, PackageError, name), PackageError, name)
        if page is (document.purpose in ZIPPED):
            raise PackageError(
                f"{what} is {'a page' if page else 'a zip file'} and says that it is for {document.purpose}."
            )
        package = cls(document=document, files=files)
        package._check_files(what)
        return package

    def labels(self) -> tuple[str, ...]:
        """One name for each class, in class order.

        Raises:
            PackageError: they are not text, or not as many as classes.
        """
        try:
            labels = tuple(self.files[self.document.labels_file].decode("utf-8").splitlines())
        except UnicodeDecodeError as error:
            raise PackageError(f"{self.document.labels_file} is not UTF-8 ({error}).") from error
        if len(labels) != self.document.classes:
            raise PackageError(f"{counted(len(labels), 'label')} for {counted(self.document.classes, 'class')}.")
        return labels

    def floats(self, array: FloatArray) -> NDArray[np.float32]:
        """The numbers of one file.

        Raises:
            PackageError: some are not finite.
        """
        values = np.frombuffer(self.files[array.file], "<f4").reshape(array.shape).astype(np.float32)
        if not np.isfinite(values).all():
            raise PackageError(f"{array.file} has numbers that are not finite.")
        return values

    def _check_files(self, what: str) -> None:
        files = self.document.files
        unknown, missing = sorted(set(self.files) - set(files)), sorted(set(files) - set(self.files))
        if unknown or missing:
            raise PackageError(
                f"{what} has other files than its {DOCUMENT_FILE} says: missing {listed(missing) or 'none'};"
                f" unknown {listed(unknown) or 'none'}. It is not used."
            )
        for name, expected in files.items():
            data = self.files[name]
            found = hashlib.sha256(data).hexdigest()
            if (len(data), found) != (expected.size_bytes, expected.sha256):
                raise PackageError(
                    f"{name} in {what} is damaged or was changed: {len(data):,} bytes, SHA-256 {found[:16]}…;"
                    f" {DOCUMENT_FILE} says {expected.size_bytes:,} bytes, {expected.sha256[:16]}…. Make or fetch the"
                    " package again."
                )
        self.labels()
        for model in self.document.models:
            if not model.runtime.entry.self_contained(self.files[model.file]):
                raise PackageError(f"{model.file} in {what} names other files, expected one self-contained file.")
        for array in (self.document.golden_input, *(model.golden_output for model in self.document.models)):
            self.floats(array)


def read_package_file(path: Path) -> bytes:
    """The bytes of the package at `path`.

    Raises:
        PackageError: it cannot be read, or is too large.
    """
    try:
        if not path.is_file():
            raise PackageError(f"{path} {found_at(path)}; expected a package made by `levit-edge package`.")
        with path.open("rb") as file:
            data = file.read(MAX_PACKAGE_BYTES + 1)
    except OSError as error:
        raise PackageError(f"{path} {unreadable(error)}.") from error
    if len(data) > MAX_PACKAGE_BYTES:
        raise PackageError(f"{path} is larger than {MAX_PACKAGE_BYTES:,} bytes, expected a package.")
    return data


def is_package(path: Path) -> bool:
    """Whether the file at `path` is a package of ours of any version, whole or not: one that may be replaced."""
    try:
        document = parse_json(_document(read_package_file(path)), PackageError, DOCUMENT_FILE)
    except Exception:  # whatever is wrong with it: not ours
        return False
    return isinstance(document, dict) and {"levit_edge_version", "purpose"} <= set(document)


def _document(data: bytes) -> bytes:
    """The bytes of `model.json`; anything may be raised."""
    if is_page(data):
        return read_page(data, "it")[DOCUMENT_FILE]
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if archive.getinfo(DOCUMENT_FILE).file_size > MAX_DOCUMENT_BYTES:
            raise PackageError(DOCUMENT_FILE)
        with archive.open(DOCUMENT_FILE) as file:
            return file.read(MAX_DOCUMENT_BYTES + 1)
