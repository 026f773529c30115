"""What a source of images holds: where its images are, and what it says of their classes."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Self

from levit_edge.data.locations import Location
from levit_edge.errors import DataError

__all__ = ["FORMS", "WORDNET_ID", "Found", "LabelKind", "Labels", "agreed", "folder_kind", "kind_of"]

WORDNET_ID = re.compile(r"n\d{8}", re.ASCII)


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


FORMS = {LabelKind.WORDNET_IDS: WORDNET_ID, LabelKind.INDICES: re.compile(r"\d{1,9}", re.ASCII)}
"""What labels of these kinds look like."""


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
    fault: str = ""
    """Why these only tell classes apart, and not which of a model's outputs they are."""

    def require_meaning(self) -> None:
        """Refuse what only tells classes apart.

        Raises:
            DataError: it is so.
        """
        if self.fault:
            raise DataError(self.fault)


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
    passed_over: Mapping[str, int] = field(default_factory=dict)
    """How many files beside the images were not read, by what they are; see `levit_edge.device.file_kinds`."""

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

    def with_labels(self, labels: Labels | None) -> Self:
        """The same images, with these labels."""
        return replace(self, labels=labels)


def agreed(names: Sequence[str], first: Labels, second: Labels) -> Labels:
    """`second`, if it tells the images apart as `first` does.

    Labels that may be compared, of one kind, WordNet ids, or names of which some are the same, must be equal; others
    must pair one to one, such as folders and indices.

    Raises:
        DataError: they disagree about an image; both sides are named.
    """
    pairs: tuple[dict[str, str], dict[str, str]] = ({}, {})
    are_ids = all(kind_of(each.of_images) is LabelKind.WORDNET_IDS for each in (first, second))
    shared = second.kind is not LabelKind.INDICES and not {*first.of_images}.isdisjoint(second.of_images)
    same = first.kind is second.kind or are_ids or shared
    for name, one, other in zip(names, first.of_images, second.of_images, strict=True):
        expected = one if same else pairs[0].setdefault(one, other)
        if other != expected or (not same and pairs[1].setdefault(other, one) != one):
            how = "contradict each other" if same else "do not tell the images apart in the same way"
            raise DataError(
                f"{name} is {one!r} by {first.told_by} and {other!r} by {second.told_by}, which {how}:"
                " leave one out, or mend it"
            )
    return second


def folder_kind(folders: Sequence[str]) -> LabelKind:
    """What class folders of these names are: those named by WordNet ids are these."""
    return LabelKind.WORDNET_IDS if kind_of(folders) is LabelKind.WORDNET_IDS else LabelKind.FOLDERS


def kind_of(labels: Sequence[str]) -> LabelKind:
    """WordNet ids or indices if all are; else names."""
    for kind, form in FORMS.items():
        if all(form.fullmatch(each) for each in labels):
            return kind
    return LabelKind.NAMES
