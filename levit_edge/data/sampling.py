"""Which images of a set are used, and proof of which they were: seeded samples and digests.

Both depend on the images' relative paths and contents alone: not on the machine, the Python version or the
order in which a file system lists a folder.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.locations import Location, read_bytes
from levit_edge.errors import DataError
from levit_edge.text import are, counted

__all__ = ["balanced_indices", "balanced_sample", "digest", "digest_of", "ordered_digest"]


def balanced_sample(image_set: ImageSet, count: int, seed: int) -> ImageSet:
    """`count` images, spread over the classes as evenly as they allow.

    Images are ordered by a hash of the seed and their relative path, and dealt one per class in turn until there
    are `count`. So no two classes differ by more than one image unless one has run out, and a smaller sample
    with the same seed is the beginning of a larger one. A set without labels is one class.

    Raises:
        DataError: there are fewer than `count` images, or `count` is less than one.
    """
    labels = image_set.labels or (0,) * len(image_set)
    return image_set.select(balanced_indices(image_set.root, image_set.relative_paths, labels, count, seed))


def balanced_indices(
    root: object, paths: Sequence[str], classes: Sequence[Hashable], count: int, seed: int
) -> list[int]:
    """Which of the images at `paths`, in `root`, `balanced_sample` takes; `classes` gives the class of each.

    Raises:
        DataError: as `balanced_sample`.
    """
    if not 1 <= count <= len(paths):
        raise DataError(
            f"{root}: asked for {counted(count, 'image')}, but there {are(len(paths))} {len(paths)}: "
            "ask for fewer, or give a folder with more"
        )
    keys = [_sha256(f"{seed}:{path}") for path in paths]
    turns: Counter[Hashable] = Counter()
    dealt = []
    for index in sorted(range(len(paths)), key=keys.__getitem__):
        dealt.append((turns[classes[index]], keys[index], index))
        turns[classes[index]] += 1
    return [index for _, _, index in sorted(dealt)[:count]]


def digest(image_set: ImageSet) -> str:
    """SHA-256, in hex, of which images these are: their contents and their paths under the root.

    It is the hash of what `sha256sum` prints for the files in sorted order, so that it can be checked without us.

    Raises:
        DataError: an image cannot be read; it is named.
    """
    return digest_of(zip(image_set.relative_paths, map(_content_sha256, image_set.images), strict=True))


def ordered_digest(images: ImageSet) -> str:
    """SHA-256, in hex, of which images these are, their contents and their order.

    Raises:
        DataError: as `digest`.
    """
    return _sha256(json.dumps([digest(images), *images.relative_paths]))


def digest_of(images: Iterable[tuple[str, str]]) -> str:
    """The `digest` of images by their paths and the SHA-256 of their contents, in hex."""
    return _sha256("".join(f"{sha256}  {path}\n" for path, sha256 in sorted(images)))


def _content_sha256(location: Location) -> str:
    return hashlib.sha256(read_bytes(location)).hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
