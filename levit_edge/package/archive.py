"""The zip file of a package: written so that the same files give the same bytes, read as if a stranger had made it.

Files are stored, not deflated: the bytes of a deflated file depend on the version of zlib, int8 weights shrink by a
fifth only (measured on the demo: 0.79), an app can map a stored model into memory, stores and app bundles compress
once more on their own, and a stored file cannot be larger than the archive says.
"""

import io
import stat
import zipfile
from collections.abc import Mapping
from pathlib import PurePosixPath

from levit_edge.errors import PackageError
from levit_edge.package.contents import DOCUMENT_FILE
from levit_edge.text import counted

__all__ = ["MAX_FILES", "MAX_PACKAGE_BYTES", "read_archive", "write_archive"]

MAX_PACKAGE_BYTES = 512 * 2**20
"""The most bytes of the archive, and of its files together: ten times the largest LeViT's."""
MAX_FILES = 64
FIRST_DAY = (1980, 1, 1, 0, 0, 0)
"""The oldest time that a zip file can hold."""
UNIX = 3
ENCRYPTED = 0x1
LOCAL_HEADER = b"PK\x03\x04"


def write_archive(files: Mapping[str, bytes]) -> bytes:
    """Pack `files`: `model.json` first, the others by name, with one time and one permission for all."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files, key=lambda name: (name != DOCUMENT_FILE, name)):
            entry = zipfile.ZipInfo(name, FIRST_DAY)
            entry.create_system = UNIX
            entry.external_attr = (stat.S_IFREG | 0o644) << 16
            archive.writestr(entry, files[name])
    return buffer.getvalue()


def read_archive(data: bytes, what: str) -> dict[str, bytes]:
    """The files in a zip file, by name, in memory: nothing is written anywhere.

    Raises:
        PackageError: it is not a zip file as `write_archive` makes them; `what` is named.
    """
    if len(data) > MAX_PACKAGE_BYTES:
        raise PackageError(f"{what} has {len(data):,} bytes, expected at most {MAX_PACKAGE_BYTES:,}.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_frame(archive, data, what)
            _check_entries(archive.infolist(), len(data), what)
            return {entry.filename: archive.read(entry) for entry in archive.infolist()}
    except PackageError:
        raise
    except Exception as error:  # damaged archives end in errors of zipfile, struct, zlib and more
        raise PackageError(f"{what} is not a whole zip file ({error}): make or fetch it again.") from error


def _check_frame(archive: zipfile.ZipFile, data: bytes, what: str) -> None:
    if archive.comment or not data.startswith(LOCAL_HEADER):
        raise PackageError(f"{what} has something before its first file or behind its last, expected a package alone.")
    if len(archive.infolist()) > MAX_FILES:
        raise PackageError(f"{what} has {counted(len(archive.infolist()), 'file')}, expected at most {MAX_FILES}.")


def _check_entries(entries: list[zipfile.ZipInfo], archive_bytes: int, what: str) -> None:
    seen: dict[str, str] = {}
    for entry in entries:
        fault = _fault(entry)
        if fault is not None:
            raise PackageError(f"{what} has a file {entry.orig_filename[:100]!r} that {fault}. It is not used.")
        key = entry.filename.casefold()
        if key in seen:
            raise PackageError(f"{what} has a file twice: {seen[key]!r} and {entry.filename!r}. It is not used.")
        seen[key] = entry.filename
    total = sum(entry.file_size for entry in entries)
    if total > archive_bytes:
        raise PackageError(
            f"{what} says that it holds {total:,} bytes, and has {archive_bytes:,} itself: its files overlap or are not"
            " whole. It is not used."
        )


def _fault(entry: zipfile.ZipInfo) -> str | None:  # noqa: PLR0911 - one return for each fault
    """What is wrong with an entry, to follow `that`."""
    name, path = entry.orig_filename, PurePosixPath(entry.orig_filename)
    if path.is_absolute() or name[1:2] == ":":
        return "has an absolute path"
    if ".." in path.parts or "\\" in name:
        return "points outside of the package"
    if not name.isprintable() or str(path) != name:
        return "is not a plain name of a file"
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "is a link"
    if kind not in {0, stat.S_IFREG}:
        return "is not a regular file"
    if entry.flag_bits & ENCRYPTED:
        return "is encrypted"
    if entry.compress_type != zipfile.ZIP_STORED:
        return f"is compressed (method {entry.compress_type}), expected stored files"
    if entry.compress_size != entry.file_size:
        return f"has {entry.compress_size:,} bytes and says that it has {entry.file_size:,}"
    return None
