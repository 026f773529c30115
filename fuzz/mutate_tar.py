"""Mutations of tar files: headers changed, with their checksums right."""

from collections.abc import Sequence
from random import Random

from fuzz.mutate_bytes import BYTES, Mutation

__all__ = ["TAR"]

VALUES = (
    (0, 100, (b"../../x.jpg", b"/x.jpg", b"", b"a/1.jpg", b".jpg", b"\xff.jpg", b"__x__/1.jpg", b"n01440764.tar")),
    (124, 12, (b"77777777777", b"-1", b"", b"\x80" + b"\xff" * 11, b"\xff" * 12, b"1")),
    (156, 1, (b"0", b"1", b"2", b"5", b"L", b"K", b"x", b"g", b"S", b"D")),
    (157, 100, (b"/etc/passwd",)),
)
"""Where fields of a header are, how long they are, and what is put there: name, size, type, target of a link."""
TYPE = 156


def changed_header(chance: Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    """A field of one header changed."""
    starts = [at for at in range(0, len(data) - 511, 512) if data[at + 257 : at + 262] == b"ustar"]
    if not starts:
        return data
    at = chance.choice(starts)
    header = bytearray(data[at : at + 512])
    start, length, values = chance.choice(VALUES)
    value = bytes([chance.randrange(256)]) if start == TYPE and chance.random() < 0.1 else chance.choice(values)
    header[start : start + length] = value.ljust(length, b"\0")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return data[:at] + bytes(header) + data[at + 512 :]


TAR: tuple[Mutation, ...] = (*[changed_header] * 10, *BYTES)
