"""What is in a shard: name, class and SHA-256 of each image; and whether all shards are the set that is expected."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from levit_edge.data.classes import ClassPairing, ModelClasses
from levit_edge.data.imagefolder import decoded_name
from levit_edge.data.loader import LOOKED_AT
from levit_edge.data.pairing import outputs_as_labels, pair_classes
from levit_edge.device.image import check_content
from levit_edge.documents import Count
from levit_edge.errors import DataError
from levit_edge.sweep.inputs.shard_reader import Entry, IndexedImage, read_content
from levit_edge.sweep.inputs.sources import Listing, Shard
from levit_edge.text import counted, listed

__all__ = ["ShardIndex", "check_counts", "image_names", "index_shard", "labels_for", "pairing_for"]


@dataclass(frozen=True, kw_only=True)
class ShardIndex:
    """A shard and its images, in order."""

    shard: Shard
    images: tuple[IndexedImage, ...]
    passed_over: dict[str, Count] = field(default_factory=dict)
    """How many other files there are in a tar file, by what they are."""
    side: int | None = None
    """Pixels of both sides of its first images, if all of these that can be read are squares of one size."""


def index_shard(shard: Shard) -> ShardIndex:
    """Read all of `shard` once.

    Raises:
        DataError: as `levit_edge.sweep.inputs.shard_reader.read_content`.
    """
    sizes: list[tuple[int, int] | None] = []

    def look(entry: Entry) -> None:
        if len(sizes) < LOOKED_AT:
            sizes.append(_size(entry))

    images, passed_over = read_content(shard, look)
    found = {size for size in sizes if size is not None}
    width, height = found.pop() if len(found) == 1 else (0, 1)
    side = width if width == height else None
    return ShardIndex(shard=shard, images=images, passed_over=dict(passed_over), side=side)


def _size(entry: Entry) -> tuple[int, int] | None:
    with suppress(DataError):
        return check_content(entry.content, entry.name)
    return None


def image_names(indices: Sequence[ShardIndex]) -> tuple[str, ...]:
    """What each image of all shards is called: its name; its shard's and its name where two have the same."""
    names = tuple(decoded_name(image.name) for index in indices for image in index.images)
    if len(set(names)) == len(names):
        return names
    return tuple(decoded_name(f"{index.shard.name}/{image.name}") for index in indices for image in index.images)


def labels_for(
    listing: Listing, indices: Sequence[ShardIndex], model: ModelClasses | None
) -> tuple[tuple[int, ...] | None, ...]:
    """The class index of each image, shard by shard; None for all shards if no image has a class.

    What labels stand for is decided by `levit_edge.data.pairing`; those in tar files are the indices themselves, if
    there is no table of classes. Without `model` the labels only tell classes apart.

    Raises:
        DataError: the classes are not the model's, or only some images have one.
    """
    labels = _distinct(listing, indices)
    if labels is None:
        return (None,) * len(indices)
    if model is None:
        place_of = {label: place if listing.class_names else int(label) for place, label in enumerate(labels)}
    else:
        if listing.class_names is None and listing.table is None:
            _check_numbers(indices, model.outputs)
        place_of = dict(_paired(listing, indices, labels, model).index)
    return tuple(tuple(place_of[_label(index, image)] for image in index.images) for index in indices)


def pairing_for(listing: Listing, indices: Sequence[ShardIndex], model: ModelClasses) -> ClassPairing | None:
    """How the labels of all images are paired with the outputs of `model`; None if no image has one.

    Raises:
        DataError: they cannot be paired for certain, or only some images have one.
    """
    labels = _distinct(listing, indices)
    return None if labels is None else _paired(listing, indices, labels, model)


def _paired(
    listing: Listing, indices: Sequence[ShardIndex], labels: Sequence[str], model: ModelClasses
) -> ClassPairing:
    """As `levit_edge.data.image_set` pairs them: a list of classes may have more than the images are of."""
    with_table = replace(model, table=listing.table)
    if listing.class_names is None:
        return outputs_as_labels(listing.source, labels, with_table)
    filled = {_label(index, image) for index in indices for image in index.images}
    if not listing.in_order:
        unread = len(indices) < len(listing.shards)  # then nobody knows which are empty
        return pair_classes(listing.source, labels, with_table, empty=() if unread else set(labels) - filled)
    if model.names is None and listing.table is None:
        return pair_classes(listing.source, labels, with_table, in_order=True)
    return pair_classes(listing.source, [each for each in labels if each in filled] or labels, with_table)


def _distinct(listing: Listing, indices: Sequence[ShardIndex]) -> tuple[str, ...] | None:
    """Each label once, in the order of the source's own list or of numbers; None if no image has one."""
    if listing.class_names is not None:
        return tuple(map(decoded_name, listing.class_names))
    if all(image.label is None for index in indices for image in index.images):
        return None
    found = {_label(index, image) for index in indices for image in index.images}
    return tuple(sorted(found, key=int))


def check_counts(listing: Listing, indices: Sequence[ShardIndex], count: int | None, per_class: int | None) -> None:
    """Refuse a source that has not `count` images, or not `per_class` of each of its classes.

    Raises:
        DataError: it says what there is and what was expected.
    """
    found = sum(len(index.images) for index in indices)
    if count is not None and found != count:
        raise DataError(
            f"{listing.source}: {counted(found, 'image')} in {counted(len(indices), 'shard')}, expected {count:,}"
        )
    if per_class is None:
        return
    labels = labels_for(listing, indices, None)
    if None in labels:
        raise DataError(f"{listing.source}: its images have no classes, expected {per_class:,} of each")
    counts = Counter(label for of_shard in labels for label in of_shard or ())
    names = listing.class_names or tuple(str(label) for label in range(max(counts) + 1))
    wrong = [f"{name} has {counts[label]:,}" for label, name in enumerate(names) if counts[label] != per_class]
    if wrong:
        raise DataError(
            f"{listing.source}: expected {counted(per_class, 'image')} of each class, but {len(wrong):,} of"
            f" {len(names):,} "
            f"classes have another number: {listed(wrong)}"
        )


def _check_numbers(indices: Sequence[ShardIndex], classes: int) -> None:
    """Name the first image whose number is none of a model's outputs."""
    for index in indices:
        for image in index.images:
            if image.label is not None and image.label >= classes:
                raise DataError(
                    f"{index.shard.name}: {image.name}: label {image.label}, but the model has"
                    f" {counted(classes, 'class')}"
                )


def _label(index: ShardIndex, image: IndexedImage) -> str:
    """What the image is labelled with: its class folder, or the number beside it."""
    if image.folder is None and image.label is None:
        raise DataError(f"{index.shard.name}: {image.name}: no label, but others have one")
    return str(image.label) if image.folder is None else decoded_name(image.folder)
