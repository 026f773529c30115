"""Where an image is: in a file of its own, in a tar file, in a row of a parquet file, or in hand; and its bytes.

Tar files and parquet files are never unpacked: an image is read from where it lies, when it is needed.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from PIL import Image

from levit_edge.device.image import check_content, check_header, decode_photograph, open_photograph
from levit_edge.device.orientation import Photograph
from levit_edge.device.photographs import MOST_IMAGE_BYTES, Given
from levit_edge.errors import DataError
from levit_edge.places import reason

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

__all__ = [
    "MOST_IMAGE_BYTES",
    "Given",
    "Location",
    "Row",
    "Span",
    "check_header_at",
    "image_at",
    "open_parquet",
    "pack",
    "photograph_at",
    "read_bytes",
    "unpack",
]

HEADER_BYTES = 2**16
"""What tells format and size of most photographs."""
ROWS_AT_A_TIME = 16
PARQUET_ADVICE = "parquet files are read with pyarrow: pip install pyarrow"


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of an uncompressed tar file that are an image; also of a tar file within one."""

    archive: Path
    offset: int
    """Where the image begins in `archive`, bytes from its beginning."""
    size: int
    name: str
    """The member's path, for messages."""

    def __str__(self) -> str:
        return f"{self.archive}: {self.name}"


@dataclass(frozen=True, slots=True)
class Row:
    """The image of a row of a parquet file, counted from 0 in its row group."""

    file: Path
    row_group: int
    row: int
    column: str
    """The column of the bytes, `image.bytes` where it is the field of a structure."""
    name: str
    """What the image is called, for messages."""

    def __str__(self) -> str:
        return f"{self.file}: {self.name}"


Location: TypeAlias = Path | Span | Row | Given


def photograph_at(location: Location) -> Photograph:
    """The photograph there, as `levit_edge.device.image.open_photograph` gives it.

    Raises:
        DataError: it cannot be read; it is named.
        MemoryShortageError: there is not enough memory to decode it.
    """
    if isinstance(location, Path):
        return open_photograph(location)
    return decode_photograph(read_bytes(location), str(location))


def image_at(location: Location, *, exif: bool = False) -> Image.Image:
    """The photograph there in mode RGB; with `exif` the way up that EXIF says.

    Raises:
        DataError: as `photograph_at`.
        MemoryShortageError: as `photograph_at`.
    """
    photograph = photograph_at(location)
    return photograph.upright if exif else photograph.pixels


def check_header_at(location: Location) -> tuple[int, int]:
    """Width and height of the photograph there; no more of it is read than tells format and size.

    Raises:
        DataError: as `image_at`, but for damage behind the header.
    """
    if isinstance(location, Path):
        return check_header(location)
    if isinstance(location, Span) and location.size > HEADER_BYTES:
        with suppress(DataError):  # its metadata may be longer
            return check_content(read_bytes(replace(location, size=HEADER_BYTES)), location.name)
    return check_content(read_bytes(location), str(location))


def read_bytes(location: Location) -> bytes:
    """The bytes of the image's file.

    Raises:
        DataError: they cannot be read; the image is named.
    """
    if isinstance(location, Row):
        return _row_bytes(location)
    if isinstance(location, Given):
        return location.content
    path, start, size = (location, 0, -1) if isinstance(location, Path) else _whole(location)
    try:
        with path.open("rb") as file:
            file.seek(start)
            content = file.read(size)
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise DataError(f"{location}: {reason(error)}") from error
    if 0 <= size != len(content):
        raise DataError(f"{location}: the tar file ends within it: it was cut off since it was listed")
    return content


def _whole(span: Span) -> tuple[Path, int, int]:
    if span.size > MOST_IMAGE_BYTES:
        raise DataError(f"{span}: {span.size:,} bytes, expected an image of at most {MOST_IMAGE_BYTES:,}")
    return span.archive, span.offset, span.size


def pack(location: Location) -> dict[str, str | int]:
    """The JSON object that `unpack` takes, for processes that read images."""
    if isinstance(location, Path):
        return {"path": str(location)}
    if isinstance(location, Given):
        return {"content": b64encode(location.content).decode(), "name": location.name}
    return {key: str(value) if isinstance(value, Path) else value for key, value in asdict(location).items()}


def unpack(document: dict[str, Any]) -> Location:
    """The location that `pack` made `document` from."""
    if "path" in document:
        return Path(document["path"])
    if "content" in document:
        return Given(b64decode(document["content"]), document["name"])
    if "archive" in document:
        return Span(**document | {"archive": Path(document["archive"])})
    return Row(**document | {"file": Path(document["file"])})


def open_parquet(path: Path) -> "ParquetFile":
    """The parquet file at `path`.

    Raises:
        DataError: pyarrow is not installed, or it is not a parquet file that can be read.
    """
    try:
        from pyarrow.parquet import ParquetFile
    except ImportError as error:
        raise DataError(f"{path}: {PARQUET_ADVICE}") from error
    try:
        return ParquetFile(path)
    except FileNotFoundError as error:
        raise DataError(f"{path}: {reason(error)}") from error
    except Exception as error:  # damaged files make it raise almost anything
        raise DataError(f"{path}: not a parquet file that can be read: {_brief(error)}") from error


def _row_bytes(row: Row) -> bytes:
    """Rows are mostly asked for in order: then each is read once."""
    group = _group(row.file, row.row_group, row.column)
    try:
        content = group.at(row.row)
    except DataError as error:
        _group.cache_clear()
        raise DataError(f"{row}: {error}") from error
    except Exception as error:  # damaged files make pyarrow raise almost anything
        _group.cache_clear()
        raise DataError(f"{row}: {_brief(error)}") from error
    return content


class _Group:
    """The images of a row group, read from its beginning, again if one is asked for that has gone by."""

    def __init__(self, file: "ParquetFile", row_group: int, column: str) -> None:
        self._file, self._row_group, self._column = file, row_group, column
        self._first, self._batch = 0, list[bytes | None]()
        self._coming = self._batches()

    def at(self, row: int) -> bytes:
        if row < self._first:
            self._first, self._batch, self._coming = 0, [], self._batches()
        while row >= self._first + len(self._batch):
            self._first += len(self._batch)
            self._batch = next(self._coming, [])
            if not self._batch:
                raise DataError("no such row: the file has changed since it was listed")
        content = self._batch[row - self._first]
        if not isinstance(content, bytes):
            raise DataError("the row has no bytes")
        return content

    def _batches(self) -> Iterator[list[bytes | None]]:
        for batch in self._file.iter_batches(
            batch_size=ROWS_AT_A_TIME, row_groups=[self._row_group], columns=[self._column], use_threads=False
        ):
            column = batch.column(0)
            for field in self._column.split(".")[1:]:
                column = column.field(field)
            yield column.to_pylist()


@lru_cache(maxsize=2)
def _group(path: Path, row_group: int, column: str) -> _Group:
    return _Group(open_parquet(path), row_group, column)


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
