"""Images in tar files that are not compressed, read from where they lie: nothing is unpacked.

Recognised by what is in them: ImageNet's training set (a tar file for each class, named by its WordNet id), WebDataset
shards (an image and its class side by side), class folders, also spread over several tar files, a tar file for each
class, or images alone, as in ImageNet's validation set.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial
from pathlib import Path, PurePosixPath
from tarfile import ReadError
from typing import BinaryIO, cast

from levit_edge.data.locations import Span, read_bytes
from levit_edge.data.sources.class_tars import CLASS_TAR, find_in_class_tars, head_of_member
from levit_edge.data.sources.found import Found, LabelKind, Labels
from levit_edge.data.sources.tar_folders import (
    are_called_as_classes,
    find_class_folders,
    find_classes_by_name,
    not_one_set,
    require_one_part,
)
from levit_edge.data.sources.webdataset import (
    LABEL_ENDINGS,
    MOST_LABEL_BYTES,
    are_labelled,
    sample_images,
    sample_labels,
    written_label,
)
from levit_edge.data.tar import members, tar_faults
from levit_edge.device.file_kinds import NO_IMAGE, NOT_PLAIN, Head, is_hidden_path, unread_kind
from levit_edge.errors import DataError
from levit_edge.text import listed

__all__ = ["CLASS_TAR", "MemberKind", "find_in_tars", "member_kind"]


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
        """Its images; where labelled, without the library's own and those that only go with another one."""
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
    if CLASS_TAR.fullmatch(PurePosixPath(name).name):
        return MemberKind.CLASS_TAR
    return unread_kind(name, head) or MemberKind.IMAGE


def find_in_tars(source: str, paths: Sequence[Path], *, one_set: bool = True) -> Found:
    """The images of the tar files at `paths`: one, shards, ImageNet's classes, or class folders spread over them.

    Args:
        source: as the user named it.
        paths: the files; sorted, if they are from a folder.
        one_set: whether the user says that they are parts of one set, by a pattern. Of several files in a folder that
            has to be seen: each has its own classes, or is one.

    Raises:
        DataError: one is truncated or damaged, there are no images, labels are wrong, or it cannot be told what the
            files are to each other.
    """
    strangers = [path.name for path in paths if not CLASS_TAR.fullmatch(path.name)]
    if not strangers:
        return find_in_class_tars(source, [Span(path, 0, path.stat().st_size, path.name) for path in paths])
    if len(strangers) < len(paths):
        raise DataError(
            f"{source}: beside tar files of classes there are others: {listed(strangers, 3)}. Move them away"
        )
    if not one_set and len(paths) > 1:
        require_one_part(source, [path.name for path in paths])
    contents = [_read(path) for path in paths]
    if any(content.inner for content in contents):
        return _of_inner(source, contents)
    samples = _of_samples(source, contents) if len(contents) > 1 or contents[0].labelled else None
    if samples is not None and samples.labels is not None:
        if not one_set and len(paths) > 1:
            raise not_one_set(source, [path.name for path in paths])
        return samples
    return _of_folders(source, contents, samples, one_set=one_set)


def _of_folders(source: str, contents: Sequence["_Content"], samples: Found | None, *, one_set: bool) -> Found:
    """Images in class folders, or each tar file of a folder a class; else alone, or as `samples` without labels."""
    passed_over = _of_shards(contents) if any(content.labelled for content in contents) else _of_all(contents)
    images = {content.archive: content.images for content in contents}
    folders = [name for content in contents for name in content.folders]
    found = find_class_folders(source, images, folders, passed_over, one_set=one_set)
    if found is None and (not one_set or are_called_as_classes(images)):
        found = find_classes_by_name(source, images, passed_over)
    if found is None or (found.labels is None and samples is not None):
        return samples or _of_samples(source, contents)
    return found


def _of_inner(source: str, contents: Sequence["_Content"]) -> Found:
    """Tar files of tar files of classes."""
    images = [name for content in contents for name in content.images]
    if images:
        raise DataError(f"{source}: there are images beside the tar files of classes: {listed(images, 3)}")
    inner = [span for content in contents for span in content.inner.values()]
    return find_in_class_tars(source, inner, _of_all(contents))


def _read(path: Path) -> _Content:
    found = _Content(archive=path)
    with tar_faults(path), path.open("rb") as file:
        for member in members(cast(BinaryIO, file)):
            name = member.name.removeprefix("./")
            if name == "." or is_hidden_path(name):
                continue
            if member.isdir():
                found.folders.add(name)
                continue
            if not member.isreg() or member.issparse():
                found.passed_over[NOT_PLAIN] += 1
                continue
            place = found.place_of(name, partial(head_of_member, file, member))
            if place is None:
                continue
            if name in place:
                raise ReadError(f"damaged: there are two files {name}")
            place[name] = Span(path, member.offset_data, member.size, name)
    return found


def _of_samples(source: str, contents: Sequence[_Content]) -> Found:
    """WebDataset shards; an image is called by its shard too where another shard has one of its name."""
    shards = [content.archive.name for content in contents]
    shards = shards if len(set(shards)) == len(shards) else [str(content.archive) for content in contents]
    images = [(name, span) for name, each in zip(shards, contents, strict=True) for span in each.samples.values()]
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


def _of_shards(contents: Sequence[_Content]) -> dict[str, int]:
    """What was passed over but for what is no image: a sample may have captions and what not."""
    counts = sum((content.passed_over for content in contents), Counter[str]())
    return {kind: count for kind, count in counts.items() if kind != NO_IMAGE}


def _of_all(contents: Sequence[_Content]) -> dict[str, int]:
    """What was passed over, and files that might have had labels but belong to no image."""
    counts = sum((content.passed_over for content in contents), Counter[str]())
    counts[NO_IMAGE] += sum(len(content.notes) for content in contents)
    return dict(+counts)
