"""Mutations of zip archives as archives: names, flags, sizes, links, repeats; contents changed and summed anew."""

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from fuzz.mutate_bytes import BYTES, Mutation

__all__ = ["ZIP", "content_mutation"]

NAMES = (
    "../outside",
    "/tmp/outside",  # noqa: S108 - nothing is written there
    "a/../../outside",
    "a\\..\\outside",
    "C:\\outside",
    "",
    ".",
    "a\0b",
    "a" * 70,
    "model.json/",
    "MODEL.JSON",
    "data.pkl",
    "x/data.pkl",
    "constants.pkl",
    "\u202etxt",
)
NUMBERS = (0, 1, 0x7FFFFFFF, 0xFFFFFFFF, 0xFFFFFFFE)


@dataclass(frozen=True)
class Entry:
    """One file of an archive, and what its headers say of it."""

    name: bytes
    data: bytes
    method: int = 0
    flags: int = 0x800
    attributes: int = (stat.S_IFREG | 0o644) << 16
    crc: int | None = None
    size: int | None = None
    packed_size: int | None = None
    offset: int | None = None


def entries_of(data: bytes) -> list[Entry]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [Entry(info.orig_filename.encode(), archive.read(info)) for info in archive.infolist()]


def written(entries: Sequence[Entry], comment: bytes = b"", before: bytes = b"") -> bytes:
    """An archive with exactly these headers, true or not."""
    body, directory = bytearray(before), bytearray()
    for entry in entries:
        stored = zlib.compress(entry.data)[2:-4] if entry.method == zipfile.ZIP_DEFLATED else entry.data
        size = len(entry.data) if entry.size is None else entry.size
        packed = len(stored) if entry.packed_size is None else entry.packed_size
        crc = zlib.crc32(entry.data) if entry.crc is None else entry.crc
        offset = len(body) if entry.offset is None else entry.offset
        common = struct.pack("<HHHHHIIIHH", 20, entry.flags, entry.method, 0, 33, crc, packed, size, len(entry.name), 0)
        directory += b"PK\x01\x02" + struct.pack("<H", 0x0314) + common
        directory += struct.pack("<HHHII", 0, 0, 0, entry.attributes, offset) + entry.name
        body += b"PK\x03\x04" + common + entry.name + stored
    end = struct.pack("<HHHHIIH", 0, 0, len(entries), len(entries), len(directory), len(body), len(comment))
    return bytes(body + directory + b"PK\x05\x06" + end + comment)


def changed_entry(chance: Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    """One file whose headers say something else."""
    entries = _entries(data)
    if not entries:
        return data
    at = chance.randrange(len(entries))
    old = entries[at]
    entries[at] = chance.choice(
        (
            replace(old, name=chance.choice(NAMES).encode("utf-8", "surrogatepass")),
            replace(old, method=chance.choice((8, 8, 12, 14, 99))),
            replace(old, flags=chance.choice((0, 1, 0x8, 0xFFFF))),
            replace(old, attributes=chance.choice((stat.S_IFLNK, stat.S_IFDIR, stat.S_IFIFO, stat.S_IFCHR)) << 16),
            replace(old, crc=chance.choice(NUMBERS)),
            replace(old, size=chance.choice((*NUMBERS, len(old.data) + 1))),
            replace(old, packed_size=chance.choice((*NUMBERS, len(old.data) + 1))),
            replace(old, offset=chance.choice(NUMBERS)),
        )
    )
    return written(entries)


def changed_list(chance: Random, data: bytes, seeds: Sequence[bytes]) -> bytes:
    """A file less, more, twice, or from another archive; or something around the archive."""
    entries = _entries(data)
    if not entries:
        return data
    at = chance.randrange(len(entries))
    choice = chance.randrange(6)
    if choice == 0:
        del entries[at]
    elif choice == 1:
        entries.insert(0, entries[at])
    elif choice == 2:
        entries += [replace(entries[at], name=f"extra{index}".encode()) for index in range(chance.choice((1, 100)))]
    elif choice == 3:
        entries[at] = chance.choice(_entries(chance.choice(seeds)) or entries)
    elif choice == 4:
        return written(entries, comment=b"comment")
    else:
        return written(entries, before=b"#!/bin/sh\n")
    return written(entries)


def content_mutation(*mutations: Mutation, names: tuple[str, ...] = ()) -> Mutation:
    """Change what is in one file (one whose name ends so, if `names` are given); its checksum is right."""

    def changed_content(chance: Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
        entries = _entries(data)
        chosen = [at for at, each in enumerate(entries) if not names or each.name.decode().endswith(names)]
        if not chosen:
            return data
        at = chance.choice(chosen)
        content = entries[at].data
        entries[at] = replace(entries[at], data=chance.choice(mutations)(chance, content, [content]))
        return written(entries)

    return changed_content


ZIP: tuple[Mutation, ...] = (changed_entry,) * 10 + (changed_list,) * 5 + (content_mutation(*BYTES),) * 5 + BYTES


def _entries(data: bytes) -> list[Entry]:
    try:
        return entries_of(data)
    except Exception:  # an earlier mutation left no archive
        return []
