"""Folders of images: which images there are, their labels, a fair sample of them, and their digest.

The layout is that of torchvision's `ImageFolder`, one folder per class; a folder of images alone is a set
without labels. Which files are images is decided in `levit_edge.device.file_kinds`, which class a folder stands for in
`levit_edge.data.pairing`, and nowhere else.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from levit_edge.data.classes import ClassPairing
from levit_edge.data.image_tables import ImageTables
from levit_edge.data.locations import Location
from levit_edge.device.file_kinds import Head, head_of, is_hidden_path, with_advice
from levit_edge.device.image_files import files_in, in_order, sorted_out
from levit_edge.errors import DataError
from levit_edge.text import listed

__all__ = [
    "PARTS_OF_A_SET",
    "Arrangement",
    "ImageSet",
    "arrange",
    "arrange_images",
    "decoded_name",
    "list_image_folder",
]

PARTS_OF_A_SET = frozenset({"train", "training", "val", "valid", "validation", "test", "testing"})
"""Folders, in any case, that hold class folders, and are none."""


@dataclass(frozen=True, kw_only=True)
class ImageSet:
    """Images, in an order that depends on their names only, and what is known about them."""

    root: Path
    """The folder or file they were read from; an image that is a file lies under it."""
    images: tuple[Location, ...]
    labels: tuple[int, ...] | None
    """The index of each image's class, or None for a folder without class folders."""
    pairing: ClassPairing | None = None
    """How it was decided which output of the model each label stands for; None without labels, and of calibration
    images, whose labels only tell classes apart."""
    names: tuple[str, ...] | None = None
    """What each image is called where it came from, if it is no file under `root` or a copy under another name."""
    present: tuple[int, ...] | None = None
    """The classes that have images, before a sample was taken of them, if it is known."""
    tables: ImageTables | None = None
    """The files that said which images these are, and their classes; None without."""
    passed_over: Mapping[str, int] = field(default_factory=dict)
    """How many files beside them were not read, by what they are; see `levit_edge.device.file_kinds`."""

    def __len__(self) -> int:
        return len(self.images)

    @property
    def relative_paths(self) -> tuple[str, ...]:
        """Each image's path under `root`, with forward slashes: the same on every machine. Of others, their `names`."""
        if self.names is not None:
            return self.names
        return tuple(image.relative_to(self.root).as_posix() for image in self.images if isinstance(image, Path))

    def select(self, indices: Iterable[int]) -> "ImageSet":
        """The images at `indices`, in that order: those that could be read, for instance."""
        chosen = tuple(indices)
        return replace(
            self,
            images=tuple(self.images[index] for index in chosen),
            labels=None if self.labels is None else tuple(self.labels[index] for index in chosen),
            names=None if self.names is None else tuple(self.names[index] for index in chosen),
        )


@dataclass(frozen=True, kw_only=True)
class Arrangement:
    """The images of a folder, wherever it is, and its class folders."""

    images: tuple[str, ...]
    """Their paths in the folder, with forward slashes: sorted by class folder and then by path."""
    folders: tuple[str, ...] | None
    """The class folders, sorted, those without images too; None for a folder of images alone."""
    passed_over: Mapping[str, int]
    """How many other files there are, by what they are."""


def list_image_folder(directory: Path) -> Arrangement:
    """The images under a local `directory`; see `arrange` for which they are.

    Images may lie deeper inside a class folder. Links to files and links as class folders are followed; deeper links to
    folders are not, as they may lead in circles, and are counted.

    Raises:
        DataError: no such folder, no images in it, or images beside class folders.
    """
    files, folders, links = files_in(directory)
    return arrange(directory, files, folders, head=lambda path: head_of(directory / path), passed_over=links)


def decoded_name(path: str) -> str:
    """A path as the file system gave it, decoded as UTF-8 where it is that, whatever the locale says of names.

    Python decodes names by the locale: with that of C, `blå` is surrogates for its bytes, and pairs with no class.
    The file is opened by the path as it was given. Sorting is the same, as both orders are those of the bytes.
    """
    try:
        return os.fsencode(path).decode()
    except UnicodeError:  # of another encoding, or never from a file system
        return path


def arrange(
    directory: object,
    files: Iterable[str],
    folders: Iterable[str],
    *,
    head: Head | None = None,
    passed_over: Mapping[str, int] | None = None,
) -> Arrangement:
    """Which of `files`, all those in `directory` by their paths in it, are images, and in which order.

    `folders` are the names of the folders right in it, for those without files. What is hidden or a system's own is
    passed over, and so is, but counted, what is no image; see `levit_edge.device.file_kinds` for `head`. `passed_over`
    counts what else is not read.

    Raises:
        DataError: there are no images, images beside class folders, or training beside validation images.
    """
    images, others = sorted_out(files, head, passed_over)
    return arrange_images(directory, images, folders, others)


def arrange_images(
    directory: object, images: Iterable[str], folders: Iterable[str], passed_over: Mapping[str, int]
) -> Arrangement:
    """As `arrange`, of files of which it is known that they are images.

    Raises:
        DataError: as `arrange`.
    """
    ordered = in_order(images)
    loose = [path for path in ordered if "/" not in path]
    inside = [path for path in ordered if "/" in path]
    if loose and inside:
        raise DataError(f"{directory}: there are images beside the class folders: {listed(loose, 3)}")
    if loose:
        return Arrangement(images=tuple(loose), folders=None, passed_over=passed_over)
    if not inside:
        told = f" ({with_advice(passed_over)})" if passed_over else ""
        raise DataError(f"{directory}: no images in it; expected one folder per class, or images{told}")
    names = {*map(_folder_of, inside), *(name for name in folders if not is_hidden_path(name))}
    if len(names) > 1 and PARTS_OF_A_SET.issuperset(map(str.lower, names)):
        raise DataError(
            f"{directory}: it holds {' and '.join(sorted(names))}, which are parts of a set, not classes: give the"
            " folder of one of them, unpacked if this is a tar file"
        )
    return Arrangement(images=tuple(inside), folders=tuple(sorted(names)), passed_over=passed_over)


def _folder_of(path: str) -> str:
    return path.partition("/")[0]
