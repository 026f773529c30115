"""Reads protocol buffers, as ONNX files are, without the package of their format.

The encoding: https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

VARINT, FIXED_64, LENGTH, FIXED_32 = 0, 1, 2, 5
"""Wire types."""


def fields(message: Any) -> Iterator[tuple[int, Any]]:
    """Numbers and values of the fields of a message: whole numbers, and views of what has a length.

    Raises:
        ValueError, LookupError, TypeError: it is none.
    """
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        value, kind = None, key & 7
        if kind == VARINT:
            value, at = _varint(message, at)
        elif kind == LENGTH:
            length, at = _varint(message, at)
            value, at = message[at : at + length], at + length
        elif kind in {FIXED_32, FIXED_64}:
            at += 4 if kind == FIXED_32 else 8
        else:
            raise ValueError("not a field of protocol buffers")
        if at > len(message):
            raise ValueError("it ends too early")
        yield key >> 3, value


def _varint(message: Any, at: int) -> tuple[int, int]:
    """The number that begins at a place, and the place behind it."""
    number = 0
    for shift in range(0, 70, 7):
        byte = message[at]
        number, at = number | (byte & 0x7F) << shift, at + 1
        if byte < 0x80:
            return number, at
    raise ValueError("no number has so many bytes")
