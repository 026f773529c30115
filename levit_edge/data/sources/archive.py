"""Images in tar files that are not compressed, read from where they lie: nothing is unpacked.

Recognised by what is in them: ImageNet's training set (a tar file for each class, named by its WordNet id), WebDataset
shards (an image and its class side by side), class folders, or images alone, as in ImageNet's validation set.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial
from pathlib import Path, PurePosixPath
from tarfile import ReadError, TarInfo
from typing import BinaryIO, cast

from levit_edge.data.file_kinds import NO_IMAGE, NOT_PLAIN, Head, is_hidden_path, unread_kind
from levit_edge.data.imagefolder import arrange_images
from levit_edge.data.locations import Span, read_bytes
from levit_edge.data.sources.found import Found, LabelKind, Labels, folder_kind
from levit_edge.data.sources.webdataset import (
    LABEL_ENDINGS,
    MOST_LABEL_BYTES,
    WEBDATASETS_OWN,
    are_labelled,
    sample_images,
    sample_labels,
    written_label,
)
from levit_edge.data.tar import Window, members, tar_faults
from levit_edge.device.formats import HEAD_BYTES
from levit_edge.errors import DataError
from levit_edge.text import counted, listed

__all__ = ["CLASS_TAR", "MemberKind", "find_in_tars", "member_kind"]

CLASS_TAR = re.compile(r"(n\d{8})\.tar", re.ASCII)
SPLITS = frozenset({"train", "val", "validation", "test"})


class MemberKind(Enum):
    """What a file in a tar file is of use for."""

    IMAGE = auto()
    NOTE = auto()
    """It may have a label."""
    CLASS_TAR = auto()
    """The tar file of a class, as ImageNet's training set has them."""


@dataclass(kw_only=True)
class _Content:
    """What lies in a tar file."""

    archive: Path
    images: dict[str, Span] = field(default_factory=dict)
    notes: dict[str, Span] = field(default_factory=dict)
    """Files that may have labels."""
    inner: dict[str, Span] = field(default_factory=dict)
    """The tar files of classes."""
    folders: set[str] = field(default_factory=set)
    passed_over: Counter[str] = field(default_factory=Counter)

    def place_of(self, name: str, head: Head) -> dict[str, Span] | None:
        """Where a file of that name belongs; None if it is of no use, and counted."""
        kind = member_kind(name, head)
        if isinstance(kind, MemberKind):
            return {MemberKind.IMAGE: self.images, MemberKind.NOTE: self.notes, MemberKind.CLASS_TAR: self.inner}[kind]
        self.passed_over[kind] += 1
        return None

    @property
    def labelled(self) -> bool:
        """Whether a file of a label belongs to an image."""
        return are_labelled(self.images, self.notes)

    @property
    def samples(self) -> dict[str, Span]:
        """Its images, but for those that only go with another one."""
        return {name: self.images[name] for name in sample_images(self.images)} if self.labelled else self.images

    @property
    def labels(self) -> list[int | None]:
        """Those of its samples, as the files beside them have it."""
        shard = str(self.archive)
        notes = {name: partial(_label_in, shard, name, span) for name, span in self.notes.items()}
        return sample_labels(shard, self.samples, notes)


def member_kind(name: str, head: Head) -> MemberKind | str:
    """What the plain file `name` of a tar file is; what it is counted as if it is of no use."""
    if PurePosixPath(name).suffix.lower() in LABEL_ENDINGS:
        return MemberKind.NOTE
    if CLASS_TAR.fullmatch(_last(name)):
        return MemberKind.CLASS_TAR
    return unread_kind(name, head) or MemberKind.IMAGE


def find_in_tars(source: str, paths: Sequence[Path]) -> Found:
    """The images of the tar files at `paths`, one after the other: shards, or ImageNet's classes.

    Raises:
        DataError: one is truncated or damaged, there are no images, or labels are wrong.
    """
    if all(CLASS_TAR.fullmatch(path.name) for path in paths):
        return _of_classes(source, [Span(path, 0, path.stat().st_size, path.name) for path in paths])
    contents = [_read(path) for path in paths]
    if len(contents) == 1 and contents[0].inner:
        content = contents[0]
        if content.images:
            raise DataError(
                f"{source}: there are images beside the tar files of classes: {listed([*content.images], 3)}"
            )
        return _of_classes(source, [*content.inner.values()], content.passed_over)
    if len(contents) > 1 or contents[0].labelled:
        return _of_samples(source, contents)
    return _of_folders(source, contents[0])


def _read(path: Path) -> _Content:
    found = _Content(archive=path)
    with tar_faults(path), path.open("rb") as file:
        for member in members(cast(BinaryIO, file)):
            name = member.name.removeprefix("./")
            if name == "." or is_hidden_path(name) or WEBDATASETS_OWN.match(name):
                continue
            if member.isdir():
                found.folders.add(name)
                continue
            if not member.isreg() or member.issparse():
                found.passed_over[NOT_PLAIN] += 1
                continue
            place = found.place_of(name, partial(_head, file, member))
            if place is None:
                continue
            if name in place:
                raise ReadError(f"damaged: there are two files {name}")
            place[name] = Span(path, member.offset_data, member.size, name)
    return found


def _of_classes(source: str, archives: Sequence[Span], others: Mapping[str, int] | None = None) -> Found:
    """ImageNet's training set: tar files named by WordNet ids, in a tar file or in a folder."""
    classes = {_last(archive.name).removesuffix(".tar"): archive for archive in archives}
    if len(classes) < len(archives):
        raise DataError(f"{source}: {len(archives)} tar files of classes, but {counted(len(classes), 'class')}")
    images: list[Span] = []
    labels: list[str] = []
    passed_over = Counter(others)
    for wordnet_id, archive in sorted(classes.items()):
        here, not_read = _of_class(archive, wordnet_id)
        images += here
        labels += [wordnet_id] * len(here)
        passed_over += not_read
    if not images:
        raise DataError(f"{source}: there are no images in its tar files of classes")
    return Found(
        source=source,
        layout="ImageNet's training set in tar files",
        images=tuple(images),
        names=tuple(span.name for span in images),
        labels=Labels(
            kind=LabelKind.WORDNET_IDS,
            of_images=tuple(labels),
            classes=tuple(sorted(classes)),
            told_by="the names of its tar files",
        ),
        passed_over=passed_over,
    )


def _of_class(archive: Span, wordnet_id: str) -> tuple[list[Span], Counter[str]]:
    """The images in the tar file of a class, sorted by name, and how many other members there are but for folders."""
    found: dict[str, Span] = {}
    passed_over = Counter[str]()
    with tar_faults(archive), archive.archive.open("rb") as file:
        window = cast(BinaryIO, Window(file, archive.offset, archive.size))
        for member in members(window):
            name = f"{wordnet_id}/{_last(member.name)}"
            if member.isdir() or is_hidden_path(member.name):
                continue
            plain = member.isreg() and not member.issparse()
            kind = unread_kind(name, partial(_head, window, member)) if plain else NOT_PLAIN
            if kind is not None:
                passed_over[kind] += 1
            elif name in found:
                raise ReadError(f"damaged: there are two files {name}")
            else:
                found[name] = Span(archive.archive, archive.offset + member.offset_data, member.size, name)
    return [found[name] for name in sorted(found)], passed_over


def _of_samples(source: str, contents: Sequence[_Content]) -> Found:
    """WebDataset shards; an image is called by its shard too where another shard has one of its name."""
    images = [(content.archive.name, span) for content in contents for span in content.samples.values()]
    if not images:
        raise DataError(f"{source}: there are no images in it")
    unique = len({span.name for _, span in images}) == len(images)
    return Found(
        source=source,
        layout="WebDataset shards",
        images=tuple(span for _, span in images),
        names=tuple(span.name if unique else f"{shard}/{span.name}" for shard, span in images),
        labels=_labels_beside([span for _, span in images], contents),
        passed_over=_of_shards(contents),
    )


def _labels_beside(images: Sequence[Span], contents: Sequence[_Content]) -> Labels | None:
    """The numbers beside the images; None if there are none, as where `.json` files hold captions."""
    if not any(content.labelled for content in contents):
        return None
    found = [label for content in contents for label in content.labels]
    if set(found) == {None}:
        return None
    if None in found:
        raise DataError(f"{images[found.index(None)]}: no label, but others have one")
    return Labels(
        kind=LabelKind.INDICES, of_images=tuple(map(str, found)), classes=None, told_by="the labels beside its images"
    )


def _label_in(shard: str, name: str, span: Span) -> int | None:
    if span.size > MOST_LABEL_BYTES:
        raise DataError(f"{span}: {span.size:,} bytes, expected a label")
    return written_label(shard, name, read_bytes(span))


def _of_shards(contents: Sequence[_Content]) -> Mapping[str, int]:
    """But for what is no image: a sample may have captions and what not."""
    counts = sum((content.passed_over for content in contents), Counter[str]())
    return {kind: count for kind, count in counts.items() if kind != NO_IMAGE}


def _of_folders(source: str, content: _Content) -> Found:
    """Class folders or images alone, in whatever folder they all are."""
    prefix = _common_folder([*content.images])
    inside = {name.removeprefix(prefix): span for name, span in content.images.items()}
    arrangement = arrange_images(source, inside, (), content.passed_over)
    folders = arrangement.folders
    if folders is not None and len(folders) > 1 and SPLITS.issuperset(folders):
        raise DataError(f"{source}: it holds {' and '.join(folders)}: unpack it, and give the folder of one of them")
    labels = None
    if folders is not None:
        empty = {_first(name.removeprefix(prefix)) for name in content.folders if name.startswith(prefix)} - {""}
        labels = Labels(
            kind=folder_kind(folders),
            of_images=tuple(_first(name) for name in arrangement.images),
            classes=tuple(sorted({*folders, *(name for name in empty if not is_hidden_path(name))})),
            told_by="its folders",
        )
    return Found(
        source=source,
        layout="a tar file",
        images=tuple(inside[name] for name in arrangement.images),
        names=arrangement.images,
        labels=labels,
        passed_over=content.passed_over,
    )


def _head(file: BinaryIO, member: TarInfo, _name: str) -> bytes:
    file.seek(member.offset_data)
    return file.read(min(member.size, HEAD_BYTES))


def _common_folder(names: Sequence[str]) -> str:
    """The folder that all of them are in, with a slash at its end; none if there are several right below the top."""
    if not names:
        return ""
    first, last = min(names).split("/")[:-1], max(names).split("/")[:-1]
    common = next((at for at, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), None)
    shared = first[: min(len(first), len(last)) if common is None else common]
    return "".join(f"{part}/" for part in shared)


def _first(name: str) -> str:
    return name.partition("/")[0]


def _last(name: str) -> str:
    return name.rpartition("/")[2]
