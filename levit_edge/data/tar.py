"""Tar files, read strictly: what lies where in them, without writing any of it anywhere.

A file that ends without the end-of-archive block is truncated, even between two members, and whatever is neither a
plain file nor a folder is passed over or refused by whoever reads.
"""

import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from lzma import LZMAError
from pathlib import Path
from tarfile import (  # type: ignore[attr-defined] # typeshed lacks three of them
    EmptyHeaderError,
    EOFHeaderError,
    HeaderError,
    ReadError,
    TarFile,
    TarInfo,
    TruncatedHeaderError,
)
from typing import BinaryIO, Self

from levit_edge.errors import DataError
from levit_edge.places import reason

__all__ = ["StrictHeader", "Window", "check_rest", "first_block", "is_compressed", "is_tar", "members", "tar_faults"]

CHUNK_BYTES = 2**20
BLOCK_BYTES = 512
EXTENDING = {
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
}
"""Types of headers that come before another header and that tarfile reads whole."""
MOST_EXTENDING_BYTES = 2**20
MOST_ARCHIVE_BYTES = 2**42  # the training set has 2**37
COMPRESSED = {b"\x1f\x8b\x08": "gzip", b"BZh": "bzip2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zstd"}


def is_tar(start: bytes) -> bool:
    """Whether the first 512 bytes of a file, `start`, are a header of a tar file."""
    try:
        TarInfo.frombuf(start, "utf-8", "surrogateescape")
    except HeaderError:
        return False
    return True


def is_compressed(start: bytes) -> str | None:
    """What compressed a file that begins with `start`, of the compressors that people use on tar files."""
    return next((name for magic, name in COMPRESSED.items() if start.startswith(magic)), None)


@contextmanager
def tar_faults(what: object) -> Iterator[None]:
    """Whatever goes wrong in the body with a tar file, as a DataError about `what`."""
    try:
        yield
    except OSError as error:
        raise DataError(f"{what}: {reason(error)}") from error
    except (tarfile.TarError, zlib.error, LZMAError, ValueError, EOFError, OverflowError) as error:
        raise DataError(f"{what}: {' '.join(str(error).split())[:200] or type(error).__name__}") from error


def members(file: BinaryIO) -> Iterator[TarInfo]:
    """The headers of an uncompressed tar file, which can seek, in order; memory does not grow with their number.

    `offset_data` is where a member's bytes begin in `file`.

    Raises:
        tarfile.TarError: it is truncated or damaged.
    """
    with tarfile.open(fileobj=file, mode="r:", tarinfo=StrictHeader) as archive:
        while (member := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined] # or they would be kept
            if not member.offset_data <= archive.offset <= MOST_ARCHIVE_BYTES:
                raise ReadError(f"damaged: {member.name} has {member.size:,} bytes")
            yield member
        check_rest(archive)


def check_rest(archive: TarFile) -> None:
    """Refuse anything but zeros behind the end: a header that was overwritten by zeros looks like the end.

    Raises:
        tarfile.ReadError: there is something.
    """
    while archive.fileobj is not None and (chunk := archive.fileobj.read(CHUNK_BYTES)):
        if chunk.count(0) != len(chunk):
            raise ReadError("damaged: there is data behind the end of the archive")


class StrictHeader(TarInfo):
    """What tarfile takes for the end of the archive is an error, but for the end-of-archive block itself."""

    @classmethod
    def fromtarfile(cls, tarfile: TarFile) -> Self:  # noqa: D102 - TarInfo's
        try:
            return super().fromtarfile(tarfile)
        except EOFHeaderError:
            raise
        except (EmptyHeaderError, TruncatedHeaderError) as error:
            raise ReadError("truncated: it ends without the end-of-archive block") from error
        except HeaderError as error:
            raise ReadError(f"damaged: {error}") from error

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:  # noqa: D102 - TarInfo's
        header = super().frombuf(buf, encoding, errors)
        if header.type in EXTENDING and header.size > MOST_EXTENDING_BYTES:
            raise ReadError(f"damaged: a header of {header.size:,} bytes")
        return header


class Window:
    """A part of an open file as a file of its own: a tar file in a tar file."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file, self._start, self._size = file, start, size
        self._at = 0

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes from where it stands."""
        left = max(0, self._size - self._at)
        self._file.seek(self._start + self._at)
        content = self._file.read(left if size < 0 else min(size, left))
        self._at += len(content)
        return content

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to `offset`, from the beginning; nothing else is asked for."""
        if whence or offset < 0:
            raise ValueError(f"cannot seek to {offset} from {whence}")
        self._at = offset
        return offset

    def tell(self) -> int:
        """Where it stands."""
        return self._at


def first_block(path: Path) -> bytes:
    """The beginning of a file, by which its kind is told.

    Raises:
        DataError: it cannot be read.
    """
    with tar_faults(path), path.open("rb") as file:
        return file.read(BLOCK_BYTES)
