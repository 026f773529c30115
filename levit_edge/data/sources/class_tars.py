"""Tar files that are classes, named by their WordNet ids: ImageNet's training set, in a tar file or in a folder."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from tarfile import ReadError, TarInfo
from typing import BinaryIO, cast

from levit_edge.data.locations import Span
from levit_edge.data.sources.found import WORDNET_ID, Found, LabelKind, Labels
from levit_edge.data.tar import Window, members, tar_faults
from levit_edge.device.file_kinds import NOT_PLAIN, is_hidden_path, unread_kind
from levit_edge.device.formats import HEAD_BYTES
from levit_edge.errors import DataError
from levit_edge.text import counted, listed

__all__ = ["CLASS_TAR", "find_in_class_tars", "head_of_member"]

CLASS_TAR = re.compile(rf"({WORDNET_ID.pattern})\.tar", re.ASCII)


def find_in_class_tars(source: str, archives: Sequence[Span], others: Mapping[str, int] | None = None) -> Found:
    """The images of the tar files `archives`, each of a class; `others` counts what lies beside them.

    Raises:
        DataError: one is truncated or damaged, a class has two, a folder in one is another class, or there are no
            images.
    """
    classes = {_last(archive.name).removesuffix(".tar"): archive for archive in archives}
    if len(classes) < len(archives):
        doubled = [name for name, count in Counter(_last(archive.name) for archive in archives).items() if count > 1]
        raise DataError(
            f"{source}: {len(archives)} tar files of classes, but {counted(len(classes), 'class')}: there are several"
            f" {listed(doubled, 3)}"
        )
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
            if member.isdir() or is_hidden_path(member.name):
                continue
            name = f"{wordnet_id}/{_last(member.name)}"
            for folder in member.name.split("/")[:-1]:
                if WORDNET_ID.fullmatch(folder) and folder != wordnet_id:
                    raise DataError(f"{archive}: {member.name} is in a folder of another class")
            plain = member.isreg() and not member.issparse()
            kind = unread_kind(name, partial(head_of_member, window, member)) if plain else NOT_PLAIN
            if kind is not None:
                passed_over[kind] += 1
            elif name in found:
                raise ReadError(f"damaged: there are two files {name}")
            else:
                found[name] = Span(archive.archive, archive.offset + member.offset_data, member.size, name)
    return [found[name] for name in sorted(found)], passed_over


def head_of_member(file: BinaryIO, member: TarInfo, _name: str) -> bytes:
    """How a member of the tar file `file` begins."""
    file.seek(member.offset_data)
    return file.read(min(member.size, HEAD_BYTES))


def _last(name: str) -> str:
    return name.rpartition("/")[2]
