"""Reads structures of text and numbers from MATLAB's MAT-files of version 5, by hand: what the ImageNet devkit needs.

The format is that of "MAT-File Format", The MathWorks, chapter 1: a header of 128 bytes, then elements of a type, a
length and data, of which the types used here are matrices and elements compressed by zlib.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from levit_edge.errors import DataError

__all__ = ["read_structures"]

HEADER_BYTES = 128
COMPRESSED, MATRIX = 15, 14
CHARACTERS, STRUCTURE = 4, 2  # classes of matrices
NUMBERS = {1: "b", 2: "B", 3: "h", 4: "H", 5: "i", 6: "I", 7: "f", 9: "d", 12: "q", 13: "Q"}
TEXTS = {1: "latin-1", 2: "latin-1", 16: "utf-8", 17: "utf-16", 18: "utf-32"}
LONGEST_NAME = 64
MOST_BYTES = 64 << 20
"""Of all that a file holds, unpacked; the devkit's has 0.7 MB."""
MOST_ENTRIES = 100_000
Value = str | tuple[float, ...] | None


@dataclass(frozen=True)
class _Matrix:
    kind: int
    dimensions: tuple[int, ...]
    name: str
    rest: "_Elements"
    """The elements behind its name: its data, or a structure's fields."""


def read_structures(content: bytes, variable: str) -> list[dict[str, Value]]:
    """The entries of the structure array `variable`: field -> text, numbers (column by column), or None for other data.

    Raises:
        DataError: it is not a MAT-file of version 5, is damaged, or has no such structure array.
    """
    if len(content) < HEADER_BYTES or content[126:128] not in {b"IM", b"MI"}:
        raise DataError("not a MATLAB file of version 5")
    order = "<" if content[126:128] == b"IM" else ">"
    try:
        for matrix in _variables(_Elements(content, HEADER_BYTES, order)):
            if matrix.name == variable and matrix.kind == STRUCTURE:
                return _entries(matrix)
    except (struct.error, ValueError, OverflowError, zlib.error) as error:
        raise DataError(f"a damaged MATLAB file: {error}") from error
    raise DataError(f"there is no structure {variable!r} in it")


class _Elements:
    """The elements in a stretch of bytes, one after the other; `order` is that of bytes."""

    def __init__(self, content: bytes, at: int, order: str) -> None:
        self.content, self.at, self.order = content, at, order

    def __bool__(self) -> bool:
        return self.at < len(self.content)

    def next(self) -> tuple[int, bytes]:
        """The type and the data of the next one; a short one has both in eight bytes."""
        kind, size = struct.unpack_from(f"{self.order}II", self.content, self.at)
        start = self.at + 8
        if kind >> 16:
            kind, size, start = kind & 0xFFFF, kind >> 16, self.at + 4
            self.at += 8
        else:
            self.at = start + size + (-size % 8 if kind != COMPRESSED else 0)
        data = self.content[start : start + size]
        if len(data) != size:
            raise ValueError(f"it ends within an element of {size:,} bytes")
        return kind, data

    def matrix(self) -> _Matrix | None:
        """The matrix that the next element is; None if it is empty, or another one."""
        kind, data = self.next()
        if kind == COMPRESSED:
            kind, data = _Elements(zlib.decompressobj().decompress(data, MOST_BYTES), 0, self.order).next()
        if kind != MATRIX or not data:
            return None
        inner = _Elements(data, 0, self.order)
        (flags,) = struct.unpack_from(f"{self.order}I", inner.next()[1])
        dimensions = inner.numbers()
        return _Matrix(flags & 0xFF, tuple(map(int, dimensions)), inner.next()[1].decode("latin-1"), inner)

    def numbers(self) -> tuple[float, ...]:
        """The next element's numbers."""
        kind, data = self.next()
        if kind not in NUMBERS:
            raise ValueError(f"numbers of type {kind}")
        form = NUMBERS[kind]
        return struct.unpack(f"{self.order}{len(data) // struct.calcsize('=' + form)}{form}", data)

    def text(self) -> str:
        """The next element's characters."""
        kind, data = self.next()
        if kind == 4:  # unsigned numbers of 16 bits
            return data.decode("utf-16-le" if self.order == "<" else "utf-16-be")
        return data.decode(TEXTS.get(kind, "utf-8")).removeprefix("\ufeff")


def _variables(elements: _Elements) -> Iterator[_Matrix]:
    while elements:
        matrix = elements.matrix()
        if matrix is not None:
            yield matrix


def _entries(matrix: _Matrix) -> list[dict[str, Value]]:
    (length,) = map(int, matrix.rest.numbers())
    _, names = matrix.rest.next()
    if not 1 <= length <= LONGEST_NAME:
        raise ValueError(f"names of {length} bytes")
    fields = [names[at : at + length].partition(b"\0")[0].decode("latin-1") for at in range(0, len(names), length)]
    count = prod(matrix.dimensions)
    if not 0 <= count <= MOST_ENTRIES:
        raise ValueError(f"{count:,} entries, expected at most {MOST_ENTRIES:,}")
    return [{field: _value(matrix.rest.matrix()) for field in fields} for _ in range(count)]


def _value(matrix: _Matrix | None) -> Value:
    if matrix is None or matrix.kind == STRUCTURE:
        return None
    if matrix.kind == CHARACTERS:
        return matrix.rest.text() if matrix.rest else ""
    return matrix.rest.numbers() if matrix.kind >= 6 and matrix.rest else None
