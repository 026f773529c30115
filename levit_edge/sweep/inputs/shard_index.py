"""What is in a shard: name, class and SHA-256 of each image; and whether all shards are the set that is expected."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from levit_edge.data.classes import ClassPairing, ModelClasses, pair_classes
from levit_edge.errors import DataError
from levit_edge.sweep.inputs.shard_reader import IndexedImage, entries
from levit_edge.sweep.inputs.sources import Listing, Shard
from levit_edge.text import counted, listed

__all__ = ["ShardIndex", "check_counts", "image_names", "index_shard", "labels_for"]


@dataclass(frozen=True, kw_only=True)
class ShardIndex:
    """A shard and its images, in order."""

    shard: Shard
    images: tuple[IndexedImage, ...]


def index_shard(shard: Shard) -> ShardIndex:
    """Read all of `shard` once.

    Raises:
        DataError: as `levit_edge.sweep.inputs.shard_reader.entries`.
    """
    return ShardIndex(shard=shard, images=tuple(image for image, _ in entries(shard)))


def image_names(indices: Sequence[ShardIndex]) -> tuple[str, ...]:
    """What each image of all shards is called: its name; its shard's and its name where two have the same."""
    names = tuple(image.name for index in indices for image in index.images)
    if len(set(names)) == len(names):
        return names
    return tuple(f"{index.shard.name}/{image.name}" for index in indices for image in index.images)


def labels_for(
    listing: Listing, indices: Sequence[ShardIndex], model: ModelClasses | None
) -> tuple[tuple[int, ...] | None, ...]:
    """The class index of each image, shard by shard; None for all shards if no image has a class.

    What class folders stand for is decided by `levit_edge.data.classes.pair_classes`; labels in tar files are the
    indices themselves. Without `model` the labels only tell classes apart.

    Raises:
        DataError: the classes are not the model's, or only some images have one.
    """
    if listing.class_names is not None:
        pairing = folder_pairing(listing, model)
        in_order = {folder: place for place, folder in enumerate(listing.class_names)}
        of_folder = in_order if pairing is None else pairing.index
        return tuple(tuple(of_folder[image.folder or ""] for image in index.images) for index in indices)
    if all(image.label is None for index in indices for image in index.images):
        return (None,) * len(indices)
    return tuple(
        tuple(_label(index, image, None if model is None else model.outputs) for image in index.images)
        for index in indices
    )


def folder_pairing(listing: Listing, model: ModelClasses | None) -> ClassPairing | None:
    """How the class folders of `listing` are paired with the outputs of `model`; None if there is one of them only.

    Raises:
        DataError: they cannot be paired for certain.
    """
    if listing.class_names is None or model is None:
        return None
    return pair_classes(listing.source, listing.class_names, model)


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


def _label(index: ShardIndex, image: IndexedImage, classes: int | None) -> int:
    if image.label is None:
        raise DataError(f"{index.shard.name}: {image.name}: no label, but others have one")
    if classes is not None and image.label >= classes:
        raise DataError(
            f"{index.shard.name}: {image.name}: label {image.label}, but the model has {counted(classes, 'class')}"
        )
    return image.label
