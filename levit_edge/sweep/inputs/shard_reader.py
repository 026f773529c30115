"""Reads the images of a shard one after the other, with their classes; memory does not grow with their sizes.

What in a tar file is an image, and which file has its label, is decided in `levit_edge.data.sources`, as for images
that are read from where they lie: a label may come before or behind its image. Tar files are read strictly: a file that
ends without the end-of-archive block is truncated, even between two members.
"""

import bz2
import gzip
import lzma
import re
import tarfile
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from hashlib import sha256
from tarfile import ReadError
from typing import Any, NamedTuple

from levit_edge.data.locations import MOST_IMAGE_BYTES, read_bytes, unpack
from levit_edge.data.sources.archive import MemberKind, member_kind
from levit_edge.data.sources.webdataset import (
    MOST_LABEL_BYTES,
    Note,
    are_labelled,
    sample_images,
    sample_labels,
    written_label,
)
from levit_edge.data.tar import StrictHeader, check_rest
from levit_edge.device.file_kinds import NO_IMAGE, NOT_PLAIN, is_hidden_path
from levit_edge.device.formats import HEAD_BYTES
from levit_edge.errors import DataError
from levit_edge.sweep.inputs.sources import Shard
from levit_edge.sweep.inputs.storage import StoredFile, locate, reported, signature

__all__ = ["Content", "Entry", "IndexedImage", "entries", "read_content"]

CHUNK_BYTES = 2**20
READ_AHEAD_BYTES = 4 * 2**20  # what s3fs asks for at a time; its own 50 MiB would be several times that in memory
DECOMPRESSORS: tuple[tuple[bytes, Callable[[Any], Any]], ...] = (
    (rb"\x1f\x8b\x08", gzip.open),
    (rb"BZh[1-9]1AY&SY", bz2.open),
    (rb"\xfd7zXZ\x00", lzma.open),
)
"""By how a file begins. They compare checksums, which tarfile's own do not."""
LONGEST_START = 10
MOST_ARCHIVE_BYTES = 2**40  # tarfile would look for the next header behind any number of bytes, for ever


@dataclass(frozen=True, kw_only=True)
class IndexedImage:
    """One image without its content, and its class as the shard tells it."""

    name: str
    """Its path in the folder, or its member's name."""
    folder: str | None
    """The class folder that it is in."""
    label: int | None
    """The label beside it in a tar file."""
    sha256: str
    """SHA-256 of its file's bytes, 64 hex digits."""


class Entry(NamedTuple):
    """An image as it is read."""

    name: str
    """As in `IndexedImage`."""
    sha256: str
    content: bytes
    """Its file's bytes, not decoded."""


class Content(NamedTuple):
    """All images of a shard, and how many other files there are in a tar file, by what they are."""

    images: tuple[IndexedImage, ...]
    passed_over: Mapping[str, int]


@dataclass(kw_only=True)
class _Seen:
    """What a tar file holds, as far as it was read."""

    images: dict[str, str] = field(default_factory=dict)
    """Name -> SHA-256."""
    notes: dict[str, Note] = field(default_factory=dict)
    passed_over: Counter[str] = field(default_factory=Counter)


def entries(shard: Shard, only: Container[str] | None = None) -> Iterator[Entry]:
    """The images of `shard` in order, or those with names in `only`, without their classes.

    Raises:
        DataError: the shard is missing, truncated, damaged, not what was listed or not readable. It is named, and how
            far it could be read.
        MemoryShortageError: there is not enough memory.
    """
    if shard.is_tar:
        return _members(shard, only, _Seen())
    return _placed(shard, only) if shard.placed else _files(shard, only)


def read_content(shard: Shard, look: Callable[[Entry], object]) -> Content:
    """Read all of `shard` once; `look` is shown each image.

    Raises:
        DataError: as `entries`; or there is no image, a sample has several, or a label is not sound.
        MemoryShortageError: as `entries`.
    """
    seen, read = _Seen(), []
    for entry in _members(shard, None, seen) if shard.is_tar else entries(shard):
        look(entry)
        read.append((entry.name, entry.sha256))
    if shard.is_tar:
        return Content(tuple(_samples(shard.name, seen)), seen.passed_over)
    images = (
        IndexedImage(name=name, folder=folder, label=label, sha256=content)
        for (name, content), (folder, label) in zip(read, _classes(shard), strict=True)
    )
    return Content(tuple(images), {})


def _classes(shard: Shard) -> Iterator[tuple[str | None, int | None]]:
    """Folder and label of each image that is no member of a tar file which is read from its beginning."""
    if shard.placed:
        yield from ((each.folder, each.label) for each in shard.placed)
        return
    for file in shard.files:
        folder, slash, _ = file.path.partition("/")
        yield folder if slash else None, None


def _samples(shard: str, seen: _Seen) -> Iterator[IndexedImage]:
    """The images of a tar file with the labels beside them; of labelled ones, see `sample_images`."""
    if not seen.images:
        raise DataError(f"{shard}: there are no images in it")
    names: list[str] = [*seen.images]
    labels: list[int | None] = [None] * len(names)
    if are_labelled(names, seen.notes):
        names = sample_images(names)
        labels = sample_labels(shard, names, seen.notes)
    del seen.passed_over[NO_IMAGE]  # a sample may have captions and what not
    for name, label in zip(names, labels, strict=True):
        yield IndexedImage(name=name, folder=None, label=label, sha256=seen.images[name])


def _files(shard: Shard, only: Container[str] | None) -> Iterator[Entry]:
    for file in shard.files:
        if only is not None and file.path not in only:
            continue
        with reported(f"{shard.name}: {file.path}"), _opened(shard, file) as stream:
            content = stream.read(MOST_IMAGE_BYTES + 1)
            if len(content) > MOST_IMAGE_BYTES:
                raise ValueError(f"more than {MOST_IMAGE_BYTES:,} bytes")
        yield _entry(file.path, content)


def _placed(shard: Shard, only: Container[str] | None) -> Iterator[Entry]:
    system, _ = locate(shard.root)
    for file in shard.files:
        with reported(f"{shard.name}: {file.path}"):
            if signature(system, file.path) != file.signature:
                raise DataError(f"{shard.name}: {file.path}: changed since it was listed; list the images again")
    for image in shard.placed:
        if only is None or image.name in only:
            with reported(f"{shard.name}: {image.name}"):
                content = read_bytes(unpack(image.location))
            yield _entry(image.name, content)


@contextmanager
def _opened(shard: Shard, file: StoredFile) -> Iterator[Any]:
    """The bytes of a shard's file, if it still is what was listed."""
    if file.signature is None:
        raise FileNotFoundError
    system, root = locate(shard.root)
    path = f"{root}/{file.path}"
    info = system.info(path)
    if info["type"] != "file":  # reading from a pipe could wait for ever
        raise DataError(f"{shard.name}: {file.path}: not a regular file")
    if signature(system, path, info) != file.signature:
        raise DataError(f"{shard.name}: {file.path}: changed since it was listed; list the images again")
    with system.open(path, "rb", block_size=READ_AHEAD_BYTES) as stream:
        yield stream


def _members(shard: Shard, only: Container[str] | None, seen: _Seen) -> Iterator[Entry]:
    """The images of a tar file in order; what else it holds is in `seen` at the end."""
    with (
        reported(shard.name, note=lambda: f", after {len(seen.images)} of its images" if seen.images else ""),
        _opened(shard, shard.files[0]) as stream,
        tarfile.open(fileobj=_decompressed(stream), mode="r|", bufsize=CHUNK_BYTES, tarinfo=StrictHeader) as archive,
    ):
        while (member := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined] # or they would be kept
            name = member.name.removeprefix("./")
            if archive.offset > MOST_ARCHIVE_BYTES:
                raise ReadError(f"damaged: {name} ends behind {MOST_ARCHIVE_BYTES:,} bytes")
            if member.isdir() or name == "." or is_hidden_path(name):
                continue
            content = _take(shard.name, name, member, cache(partial(_read, archive, member)), seen)
            if content is not None and (only is None or name in only):
                yield Entry(name, seen.images[name], content)
        check_rest(archive)


def _take(shard: str, name: str, member: tarfile.TarInfo, read: Callable[[], bytes], seen: _Seen) -> bytes | None:
    """Enter a member that is no folder into `seen`; returns the bytes of an image."""
    plain = member.isreg() and not member.issparse()
    large = member.size > MOST_IMAGE_BYTES
    kind = member_kind(name, lambda _name: b"" if large else read()[:HEAD_BYTES]) if plain else NOT_PLAIN
    if isinstance(kind, str):
        seen.passed_over[kind] += 1
        return None
    if kind is MemberKind.CLASS_TAR:
        raise DataError(
            f"{shard}: it holds tar files of classes ({name}), which are read from a local file that is not compressed"
        )
    if name in seen.images or name in seen.notes:
        raise ReadError(f"damaged: there are two files {name}")
    if kind is MemberKind.NOTE:
        seen.notes[name] = _note(shard, name, member.size, read)
        return None
    if large:
        raise ReadError(f"{name} has {member.size:,} bytes, at most {MOST_IMAGE_BYTES:,} are read")
    content = read()
    seen.images[name] = sha256(content).hexdigest()
    return content


def _note(shard: str, name: str, size: int, read: Callable[[], bytes]) -> Note:
    """What a file says that may have a label: whether an image goes with it is not known before the end."""
    if size > MOST_LABEL_BYTES:
        return partial(_refuse, f"{shard}: {name}: {size:,} bytes, expected a label")
    try:
        label = written_label(shard, name, read())
    except DataError as error:
        return partial(_refuse, str(error))
    return lambda: label


def _refuse(reason: str) -> int | None:
    raise DataError(reason)


def _read(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    return b"" if file is None else file.read()


def _decompressed(stream: Any) -> Any:
    start = stream.read(LONGEST_START)
    stream.seek(0)
    return next((opener(stream) for begin, opener in DECOMPRESSORS if re.match(begin, start)), stream)


def _entry(name: str, content: bytes) -> Entry:
    return Entry(name, sha256(content).hexdigest(), content)
