"""Zip files made by hand, each with one thing that a package never has."""

import io
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from levit_edge.errors import PackageError
from levit_edge.package.archive import MAX_FILES, read_archive, write_archive
from levit_edge.package.package import Package

Build = Callable[[zipfile.ZipFile], None]


def rebuilt(package: bytes, change: Build, drop: str | None = None) -> bytes:
    """The same package with entries added."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as old, zipfile.ZipFile(buffer, "w") as new:
        for entry in old.infolist():
            if entry.filename != drop:
                new.writestr(entry, old.read(entry))
        change(new)
    return buffer.getvalue()


def adding(name: str, mode: int = stat.S_IFREG | 0o644, compress: int = zipfile.ZIP_STORED) -> Build:
    def add(archive: zipfile.ZipFile) -> None:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = mode << 16
        entry.compress_type = compress
        archive.writestr(entry, b"/etc/passwd" * 100)

    return add


def patched(data: bytes, name: str, offset: int, form: str, value: int) -> bytes:
    """`data` with a field of the central directory's entry for `name` changed; offsets: APPNOTE.TXT 4.3.12."""
    at = data.rindex(name.encode()) - 46
    assert data[at : at + 4] == b"PK\x01\x02"
    changed = bytearray(data)
    struct.pack_into(form, changed, at + offset, value)
    return bytes(changed)


def test_what_is_written_is_read() -> None:
    files = {"b.txt": b"2", "model.json": b"{}", "a/c.txt": b""}
    data = write_archive(files)
    assert read_archive(data, "it") == files
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == ["model.json", "a/c.txt", "b.txt"]
        assert {entry.external_attr >> 16 for entry in archive.infolist()} == {0o100644}
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (adding("/etc/passwd"), "'/etc/passwd' that has an absolute path"),
        (adding("C:/windows/x"), "that has an absolute path"),
        (adding("../../escaped"), "'../../escaped' that points outside of the package"),
        (adding("levit_edge/../../escaped"), "points outside of the package"),
        (adding("..\\escaped"), "points outside of the package"),
        (adding("./model.pte"), "is not a plain name of a file"),
        (adding("levit_edge//x.py"), "is not a plain name of a file"),
        (adding("a\x1b[31m"), "is not a plain name of a file"),
        (adding("folder/"), "is not a plain name of a file"),
        (adding("link", stat.S_IFLNK | 0o777), "'link' that is a link"),
        (adding("labels.txt2", stat.S_IFIFO | 0o644), "is not a regular file"),
        (adding("MODEL.PTE"), "has a file twice: 'model.pte' and 'MODEL.PTE'"),
        (adding("readme", compress=zipfile.ZIP_DEFLATED), r"is compressed \(method 8\), expected stored files"),
        (adding("readme", compress=zipfile.ZIP_BZIP2), r"is compressed \(method 12\)"),
        (adding("readme", compress=zipfile.ZIP_LZMA), r"is compressed \(method 14\)"),
        (adding("readme"), "missing none; unknown readme"),
        (adding("levit_edge/sitecustomize.py"), r"unknown levit_edge/sitecustomize\.py"),
    ],
)  # fmt: skip
def test_a_hostile_entry_is_refused(board_package: bytes, change: Build, complaint: str) -> None:
    with pytest.raises(PackageError, match=complaint):
        Package.parse(rebuilt(board_package, change), "it")


def test_the_same_name_twice_is_refused(board_package: bytes) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = rebuilt(board_package, adding("model.json"))
    with pytest.raises(PackageError, match=r"has a file twice: 'model\.json' and 'model\.json'"):
        Package.parse(data, "it")


def test_a_name_that_ends_early_is_refused(board_package: bytes) -> None:
    data = rebuilt(board_package, adding("labelsX.txt")).replace(b"labelsX.txt", b"labels\0.txt")
    with pytest.raises(PackageError, match="is not a plain name of a file"):
        Package.parse(data, "it")


def test_an_encrypted_file_is_refused(board_package: bytes) -> None:
    with pytest.raises(PackageError, match=r"'labels\.txt' that is encrypted"):
        Package.parse(patched(board_package, "labels.txt", 8, "<H", 1), "it")


@pytest.mark.parametrize("declared", [1 << 31, 0])
def test_a_size_that_is_not_the_real_one_is_refused(board_package: bytes, declared: int) -> None:
    data = patched(board_package, "labels.txt", 24, "<I", declared)
    with pytest.raises(PackageError, match=r"'labels\.txt' that has 15 bytes and says that it has"):
        Package.parse(data, "it")


def test_files_that_overlap_are_refused(board_package: bytes) -> None:
    """Many entries over the same bytes: a bomb without compression."""
    size = len(board_package)
    data = patched(patched(board_package, "golden_input.f32", 24, "<I", size), "golden_input.f32", 20, "<I", size)
    with pytest.raises(PackageError, match="its files overlap or are not whole"):
        Package.parse(data, "it")


def test_too_many_files_are_refused(board_package: bytes) -> None:
    def many(archive: zipfile.ZipFile) -> None:
        for index in range(MAX_FILES):
            archive.writestr(f"{index}.txt", b"")

    with pytest.raises(PackageError, match=f"files, expected at most {MAX_FILES}"):
        Package.parse(rebuilt(board_package, many), "it")


def test_a_large_archive_is_refused_before_it_is_opened(monkeypatch: pytest.MonkeyPatch, board_package: bytes) -> None:
    monkeypatch.setattr(f"{read_archive.__module__}.MAX_PACKAGE_BYTES", 1000)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(PackageError, match=r"bytes, expected at most 1,000\."):
        Package.parse(board_package, "it")


@pytest.mark.parametrize("extra", [b"#!/bin/sh\n", b"MZ"])
def test_something_before_the_first_file_is_refused(board_package: bytes, extra: bytes) -> None:
    with pytest.raises(PackageError, match="something before its first file or behind its last"):
        Package.parse(extra + board_package, "it")


def test_something_behind_the_last_file_is_refused(board_package: bytes) -> None:
    def comment(archive: zipfile.ZipFile) -> None:
        archive.comment = b"hello"

    with pytest.raises(PackageError, match="something before its first file or behind its last"):
        Package.parse(rebuilt(board_package, comment), "it")


@pytest.mark.parametrize("length", [0, 1, 30, 1000, -1, -30])
def test_a_part_of_a_package_is_refused(board_package: bytes, length: int) -> None:
    with pytest.raises(PackageError, match=r"it (is not a whole zip file|has something)"):
        Package.parse(board_package[:length], "it")


def test_nothing_is_written_anywhere(board_package: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Package.parse(board_package, "it")
    with pytest.raises(PackageError):
        Package.parse(rebuilt(board_package, adding("../escaped")), "it")
    assert list(tmp_path.parent.rglob("escaped")) == list(tmp_path.iterdir()) == []
