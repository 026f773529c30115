"""The calibration images of a sweep: which of a source's images they are, and local copies of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.sampling import balanced_indices
from levit_edge.errors import DataError, OutputError
from levit_edge.sweep.inputs.shard_index import ShardIndex, image_names
from levit_edge.sweep.inputs.shard_reader import IndexedImage, entries
from levit_edge.sweep.inputs.sources import Shard
from levit_edge.text import listed

__all__ = ["ChosenImage", "choose_calibration", "in_the_users_words", "materialise"]


@dataclass(frozen=True, kw_only=True)
class ChosenImage:
    """An image, and where it is."""

    name: str
    """What it is called among all images of the source."""
    shard: str
    image: IndexedImage


def choose_calibration(source: str, indices: Sequence[ShardIndex], count: int, seed: int) -> tuple[ChosenImage, ...]:
    """The `count` images that `levit_edge.data.sampling.balanced_sample` takes of the same local folder, in its order.

    Raises:
        DataError: there are fewer, or `count` is less than one.
    """
    images = [(index.shard.name, image) for index in indices for image in index.images]
    names = image_names(indices)
    classes = [(image.folder, image.label) for _, image in images]
    chosen = balanced_indices(source, names, classes, count, seed)
    return tuple(ChosenImage(name=names[each], shard=images[each][0], image=images[each][1]) for each in chosen)


def materialise(shards: Sequence[Shard], chosen: Sequence[ChosenImage], folder: Path) -> ImageSet:
    """Copy the `chosen` images, of `shards`, into an empty folder by numbers: names from elsewhere are no paths here.

    The set is without labels, in the order of `chosen`, with their names: samples, digests and provenance are those of
    the originals.

    Raises:
        DataError: a shard cannot be read, or an image is not what it was when it was indexed.
        OutputError: a copy cannot be written.
    """
    paths = [folder / f"{number:06}{PurePosixPath(each.name).suffix.lower()}" for number, each in enumerate(chosen)]
    copies = list(zip(paths, chosen, strict=True))
    for shard in shards:
        wanted = {each.image.name: (path, each.image.sha256) for path, each in copies if each.shard == shard.name}
        if wanted:
            _copy(shard, wanted)
    return ImageSet(root=folder, images=tuple(paths), labels=None, names=tuple(each.name for each in chosen))


@contextmanager
def in_the_users_words(copies: ImageSet) -> Iterator[None]:
    """Let errors about images in the body call the `copies` by the originals' names, and options by the plan's keys."""
    try:
        yield
    except DataError as error:
        text = str(error).replace("with --skip-bad-images", "with `skip_bad_images = true` in the plan")
        for path, name in zip(copies.images, copies.relative_paths, strict=True):
            text = text.replace(str(path), name)
        raise DataError(text) from error


def _copy(shard: Shard, remaining: dict[str, tuple[Path, str]]) -> None:
    for name, sha256, content in entries(shard, only=frozenset(remaining)):
        path, expected = remaining.pop(name)
        if sha256 != expected:
            raise DataError(f"{shard.name}: {name}: changed since it was indexed")
        try:
            path.write_bytes(content)
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror}") from error
        if not remaining:
            return
    raise DataError(f"{shard.name}: {listed(sorted(remaining), 3)}: no longer in it")
