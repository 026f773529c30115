"""What a source of images holds: where its images are, and what it says of their classes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from levit_edge.data.locations import Location
from levit_edge.errors import DataError

__all__ = ["Found", "LabelKind", "Labels", "agreed", "checked_indices"]


class LabelKind(StrEnum):
    """What the labels of a source are, before it is decided which of a model's outputs they stand for."""

    FOLDERS = "class folders"
    """Names of folders."""
    WORDNET_IDS = "WordNet ids"
    """Such as `n01440764`."""
    INDICES = "indices"
    """Whole numbers from 0, in decimal: the model's outputs. For ImageNet's 1,000 classes in the order of WordNet ids,
    which is the usual one."""
    NAMES = "class names"
    """Such as `tench` or `tench, Tinca tinca`."""


@dataclass(frozen=True, kw_only=True)
class Labels:
    """The class of each image as a source tells it."""

    kind: LabelKind
    of_images: tuple[str, ...]
    """In the order of the images."""
    classes: tuple[str, ...] | None
    """All classes that the source knows, in its order, those without images too; None if it has no list."""
    told_by: str
    """What says so, for messages: `the class folders`, or a file's name."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """The images of a source, in an order that depends on their names only."""

    source: str
    """As the user named it."""
    layout: str
    """What it was recognised as: `class folders`, `a tar file`."""
    images: tuple[Location, ...]
    names: tuple[str, ...]
    """What each image is called in the source, with forward slashes: the same wherever it lies, packed or not."""
    labels: Labels | None = None
    passed_over: int = 0
    """Members of archives that are no plain files: links, devices, sparse files."""

    def __len__(self) -> int:
        return len(self.images)

    def select(self, indices: Iterable[int]) -> Self:
        """The images at `indices`, in that order."""
        chosen = tuple(indices)
        labels = self.labels
        if labels is not None:
            labels = replace(labels, of_images=tuple(labels.of_images[index] for index in chosen))
        return replace(
            self,
            images=tuple(self.images[index] for index in chosen),
            names=tuple(self.names[index] for index in chosen),
            labels=labels,
        )


def agreed(names: Sequence[str], first: Labels, second: Labels) -> Labels:
    """`second`, if it tells the images apart as `first` does.

    Labels of one kind must be equal; labels of two kinds must pair one to one.

    Raises:
        DataError: they disagree about an image; both sides are named.
    """
    pairs: tuple[dict[str, str], dict[str, str]] = ({}, {})
    same = first.kind is second.kind
    for name, one, other in zip(names, first.of_images, second.of_images, strict=True):
        expected = one if same else pairs[0].setdefault(one, other)
        if other != expected or (not same and pairs[1].setdefault(other, one) != one):
            raise DataError(
                f"{name} is {one!r} by {first.told_by} and {other!r} by {second.told_by}, which "
                + ("contradict each other" if same else "do not tell the images apart in the same way")
                + ": leave one out, or mend it"
            )
    return second


def checked_indices(numbers: Sequence[str], told_by: str, places: Sequence[str]) -> tuple[str, ...]:
    """`numbers` as decimals without leading zeros; `places` say where each stands.

    Raises:
        DataError: one is not a whole number from 0.
    """
    for number, place in zip(numbers, places, strict=True):
        if not (number.isascii() and number.isdigit() and len(number) < 10):
            raise DataError(f"{told_by}: {place}: the class is {number[:40]!r}, expected a whole number from 0")
    return tuple(str(int(number)) for number in numbers)
