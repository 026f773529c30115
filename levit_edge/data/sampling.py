"""Which images of a set are used, and proof of which they were: seeded samples and digests.

Both depend on the images' relative paths and contents alone: not on the machine, the Python version or the
order in which a file system lists a folder.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from levit_edge.data.imagefolder import ImageSet
from levit_edge.errors import DataError

__all__ = ["balanced_sample", "digest", "digest_of"]


def balanced_sample(image_set: ImageSet, count: int, seed: int) -> ImageSet:
    """`count` images, spread over the classes as evenly as they allow.

    Images are ordered by a hash of the seed and their relative path, and dealt one per class in turn until there
    are `count`. So no two classes differ by more than one image unless one has run out, and a smaller sample
    with the same seed is the beginning of a larger one. A set without labels is one class.

    Raises:
        DataError: there are fewer than `count` images, or `count` is less than one.
    """
    if not 1 <= count <= len(image_set):
        raise DataError(
            f"{image_set.root}: {count} images were asked for, but there are {len(image_set)}: "
            "ask for fewer, or give a folder with more"
        )
    keys = [_sha256(f"{seed}:{path}") for path in image_set.relative_paths]
    labels = image_set.labels or (0,) * len(image_set)
    turns: Counter[int] = Counter()
    dealt = []
    for index in sorted(range(len(image_set)), key=keys.__getitem__):
        dealt.append((turns[labels[index]], keys[index], index))
        turns[labels[index]] += 1
    return image_set.select(index for _, _, index in sorted(dealt)[:count])


def digest(image_set: ImageSet) -> str:
    """SHA-256, in hex, of which images these are: their contents and their paths under the root.

    It is the hash of what `sha256sum` prints for the files in sorted order, so that it can be checked without us.

    Raises:
        DataError: an image cannot be read; it is named.
    """
    return digest_of(zip(image_set.relative_paths, map(_file_sha256, image_set.images), strict=True))


def digest_of(pairs: Iterable[tuple[str, str]]) -> str:
    """`digest` of images whose paths under the root and SHA-256 of contents, in hex, are known."""
    return _sha256("".join(f"{sha256}  {relative}\n" for relative, sha256 in sorted(pairs)))


def _file_sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from error


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
