"""Folders of images: which images there are, their labels, a fair sample of them, and their digest.

The layout is that of torchvision's `ImageFolder`, one folder per class; a folder of images alone is a set
without labels. Which class a folder stands for is decided in `_labels` and nowhere else.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from levit_edge.data.imagenet import synsets as imagenet_synsets
from levit_edge.errors import DataError

__all__ = ["EXTENSIONS", "ImageSet", "read_image_folder"]

EXTENSIONS = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif"})
"""Files with these endings, upper or lower case, are images; all others are passed over."""


@dataclass(frozen=True, kw_only=True)
class ImageSet:
    """Images, in an order that depends on their names only, and what is known about them."""

    root: Path
    """The folder they were read from; each image lies under it."""
    images: tuple[Path, ...]
    labels: tuple[int, ...] | None
    """The index of each image's class, or None for a folder without class folders."""
    class_names: tuple[str, ...] | None
    """The folder name that stands for each index: for all classes of the model, present or not."""

    def __len__(self) -> int:
        return len(self.images)

    @property
    def relative_paths(self) -> tuple[str, ...]:
        """Each image's path under `root`, with forward slashes: the same on every machine."""
        return tuple(image.relative_to(self.root).as_posix() for image in self.images)

    def select(self, indices: Iterable[int]) -> "ImageSet":
        """The images at `indices`, in that order: those that could be read, for instance."""
        chosen = tuple(indices)
        return ImageSet(
            root=self.root,
            images=tuple(self.images[index] for index in chosen),
            labels=None if self.labels is None else tuple(self.labels[index] for index in chosen),
            class_names=self.class_names,
        )


def read_image_folder(directory: Path, classes: int | None, synsets: Sequence[str] | None = None) -> ImageSet:
    """Find the images under `directory` and give each its class.

    `classes` is the number of the model's outputs. Class folders named by WordNet ids of ImageNet-1k
    (`synsets`) get that class's index if the model has 1000 outputs, however many of them are there; otherwise
    there must be one folder per output, and their sorted order is the order of the classes. An empty class
    folder keeps its place. With `classes=None` (calibration) any number of folders will do: the labels are
    then the folders' places in sorted order, for `balanced_sample`, and not the model's classes.

    Images may lie deeper inside a class folder. Hidden files and folders are passed over. Links to files and
    links as class folders are followed; deeper links to folders are not, as they may lead in circles.

    Raises:
        DataError: no such folder, no images in it, images beside class folders, or folders that do not fit
            the model's classes (both counts are given).
    """
    directory = Path(directory)
    entries = _entries(directory)
    found = {path.name: _images_under(path) for path in entries if path.is_dir()}
    loose = [path for path in entries if path.name not in found and _is_image(path.name)]
    if loose and any(found.values()):
        raise DataError(f"{directory}: there are images beside the class folders: {_some(p.name for p in loose)}")
    if loose:
        return ImageSet(root=directory, images=tuple(loose), labels=None, class_names=None)
    if not any(found.values()):
        raise DataError(f"{directory}: no images in it; expected one folder per class, or images")
    labels, names = _labels(directory, tuple(found), classes, imagenet_synsets() if synsets is None else synsets)
    return ImageSet(
        root=directory,
        images=tuple(image for images in found.values() for image in images),
        labels=tuple(label for label, images in zip(labels, found.values(), strict=True) for _ in images),
        class_names=names,
    )


def _labels(
    directory: Path, folders: tuple[str, ...], classes: int | None, synsets: Sequence[str]
) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The class index of each folder (sorted names), and the folder name of each class."""
    if classes == len(synsets) and set(folders) <= set(synsets):
        index = {synset: place for place, synset in enumerate(synsets)}
        return tuple(index[folder] for folder in folders), tuple(synsets)
    if classes is None or classes == len(folders):
        return tuple(range(len(folders))), folders
    message = f"{directory}: {len(folders)} class folders, but the model has {classes} classes"
    if classes == len(synsets):
        strangers = sorted(set(folders) - set(synsets))
        raise DataError(f"{message}, and these folders are not named by WordNet ids of theirs: {_some(strangers)}")
    raise DataError(f"{message}: expected one folder per class, in the order of the classes")


def _entries(directory: Path) -> list[Path]:
    """What lies in `directory`, sorted by name, without hidden files and folders."""
    try:
        return sorted((path for path in directory.iterdir() if not _is_hidden(path.name)), key=lambda p: p.name)
    except OSError as error:
        _refuse(error)


def _images_under(folder: Path) -> list[Path]:
    found = []
    for parent, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not _is_hidden(name)]
        found += [Path(parent, name) for name in files if _is_image(name) and not _is_hidden(name)]
    return sorted(found, key=Path.as_posix)


def _refuse(error: OSError) -> NoReturn:
    raise DataError(f"{error.filename}: {error.strerror}; expected a folder of images that can be read") from error


def _is_image(name: str) -> bool:
    return Path(name).suffix.lower() in EXTENSIONS


def _is_hidden(name: str) -> bool:
    return name.startswith(".")


def _some(names: Iterable[str]) -> str:
    """The first three of `names`, and how many more there are."""
    listed = list(names)
    rest = f" and {len(listed) - 3} more" if len(listed) > 3 else ""
    return ", ".join(listed[:3]) + rest
