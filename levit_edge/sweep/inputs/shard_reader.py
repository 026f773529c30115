"""Reads the images of a shard one after the other, with their classes; memory does not grow with the shard.

Tar files are WebDataset's (https://github.com/webdataset/webdataset): the members of a sample share their name up to
the first full stop of its last part, and one of them, `.cls` or `.json`, has the label. They are read strictly: a file
that ends without the end-of-archive block is truncated, even between two members.
"""

import bz2
import gzip
import lzma
import re
import tarfile
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby
from operator import itemgetter
from tarfile import ReadError
from typing import Any, NamedTuple

from levit_edge.data.file_kinds import EXTENSIONS, is_hidden_path
from levit_edge.data.locations import read_bytes, unpack
from levit_edge.data.sources.webdataset import WEBDATASETS_OWN, sample_name, written_label
from levit_edge.data.tar import StrictHeader, check_rest
from levit_edge.errors import DataError
from levit_edge.sweep.inputs.sources import Shard
from levit_edge.sweep.inputs.storage import StoredFile, locate, reported, signature
from levit_edge.text import counted

__all__ = ["Entry", "IndexedImage", "entries"]

MOST_IMAGE_BYTES = 64 * 2**20
MOST_LABEL_BYTES = 2**20
CHUNK_BYTES = 2**20
READ_AHEAD_BYTES = 4 * 2**20  # what s3fs asks for at a time; its own 50 MiB would be several times that in memory
LIMITS = {"cls": MOST_LABEL_BYTES, "json": MOST_LABEL_BYTES, **{each[1:]: MOST_IMAGE_BYTES for each in EXTENSIONS}}
"""The largest sizes of the files of a sample that are read, by their endings, bytes."""
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

    image: IndexedImage
    content: bytes
    """Its file's bytes, not decoded."""


def entries(shard: Shard, only: Container[str] | None = None) -> Iterator[Entry]:
    """The images of `shard` in order, or those with names in `only`.

    Raises:
        DataError: the shard is missing, truncated, damaged, not what was listed or not readable; or a sample has no
            image, several, or no sound label. The shard is named, and how far it could be read.
        MemoryShortageError: there is not enough memory.
    """
    if shard.placed:
        return _placed(shard, only)
    if not shard.is_tar:
        return _files(shard, only)
    return (entry for entry in _samples(shard) if only is None or entry.image.name in only)


def _files(shard: Shard, only: Container[str] | None) -> Iterator[Entry]:
    for file in shard.files:
        if only is not None and file.path not in only:
            continue
        with reported(f"{shard.name}: {file.path}"), _opened(shard, file) as stream:
            content = stream.read(MOST_IMAGE_BYTES + 1)
            if len(content) > MOST_IMAGE_BYTES:
                raise ValueError(f"more than {MOST_IMAGE_BYTES:,} bytes")
        folder, slash, _ = file.path.partition("/")
        yield _entry(file.path, content, folder=folder if slash else None)


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
            yield _entry(image.name, content, folder=image.folder, label=image.label)


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


def _samples(shard: Shard) -> Iterator[Entry]:
    read: set[str] = set()
    with (
        reported(shard.name, note=lambda: f", after {len(read)} of its samples" if read else ""),
        _opened(shard, shard.files[0]) as stream,
    ):
        for key, members in groupby(_members(stream), itemgetter(0)):
            if key in read:
                raise DataError(f"{shard.name}: {key}: there are two samples of this name")
            sample: dict[str, tuple[str, bytes]] = {}
            for _, ending, name, content in members:
                if ending in sample:
                    raise ReadError(f"a sample has two files with the same ending: {name}")
                sample[ending] = name, content
            yield _of_sample(f"{shard.name}: {key}", sample)
            read.add(key)
    if not read:
        raise DataError(f"{shard.name}: there are no samples in it")


def _members(stream: Any) -> Iterator[tuple[str, str, str, bytes]]:
    """Sample, ending in lower case, name and content of the files of a tar archive; content of images and labels only.

    Raises:
        tarfile.TarError: it is truncated, damaged or not what is expected.
    """
    with tarfile.open(fileobj=_decompressed(stream), mode="r|", bufsize=CHUNK_BYTES, tarinfo=StrictHeader) as archive:
        while (member := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined] # or they would be kept
            name = member.name.removeprefix("./")
            key, ending = sample_name(name)
            if archive.offset > MOST_ARCHIVE_BYTES:
                raise ReadError(f"damaged: {name} ends behind {MOST_ARCHIVE_BYTES:,} bytes")
            if member.isdir() or WEBDATASETS_OWN.match(name) or is_hidden_path(name):
                continue
            if not member.isreg() or member.issparse():
                raise ReadError(f"{name} is a link, a device or a sparse file, expected plain files only")
            if ending:
                yield key, ending, name, _content(archive, member, name, LIMITS.get(ending, 0))
        check_rest(archive)


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo, name: str, limit: int) -> bytes:
    if not limit:
        return b""
    if member.size > limit:
        raise ReadError(f"{name} has {member.size:,} bytes, at most {limit:,} are read")
    file = archive.extractfile(member)
    return b"" if file is None else file.read()


def _decompressed(stream: Any) -> Any:
    start = stream.read(LONGEST_START)
    stream.seek(0)
    return next((opener(stream) for begin, opener in DECOMPRESSORS if re.match(begin, start)), stream)


def _entry(name: str, content: bytes, *, folder: str | None = None, label: int | None = None) -> Entry:
    image = IndexedImage(name=name, folder=folder, label=label, sha256=sha256(content).hexdigest())
    return Entry(image, content)


def _of_sample(what: str, sample: dict[str, tuple[str, bytes]]) -> Entry:
    images = [member for ending, member in sample.items() if f".{ending}" in EXTENSIONS]
    if len(images) != 1:
        raise DataError(
            f"{what}: {counted(len(images), 'image')} ({', '.join(sorted(sample))}), expected one for each sample"
        )
    ((name, content),) = images
    notes = {ending: note for ending, (_, note) in sample.items()}
    return _entry(name, content, label=written_label(what, notes))
