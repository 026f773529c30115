"""The images of a sweep: what its index tasks have found in the shards of one source."""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import repeat

from levit_edge.bundle.manifest import ImageProvenance
from levit_edge.data.classes import ClassPairing, ModelClasses
from levit_edge.data.sampling import digest_of
from levit_edge.sweep.inputs.shard_index import ShardIndex, image_names, labels_for, pairing_for
from levit_edge.sweep.inputs.sources import Listing, Shard
from levit_edge.sweep.plan import Limits
from levit_edge.sweep.tasks.call import Call
from levit_edge.sweep.tasks.index_task import INDEX, Index, read_index
from levit_edge.sweep.tasks.runner import Runner, TaskFailedError

__all__ = ["Images", "LabelledShard", "find_images"]


@dataclass(frozen=True, kw_only=True)
class LabelledShard:
    """A shard's images with the labels that they have for a network."""

    blob: str
    """SHA-256 of the `ShardIndex` in the store."""
    name: str
    labels: tuple[int, ...] | None
    digest: str
    """The digest of names, contents and labels, in order."""


class Images:
    """A source whose shards have been read once."""

    def __init__(self, listing: Listing, indexed: Sequence[tuple[ShardIndex, str]], problems: Sequence[str]) -> None:
        """`indexed` are the shards that could be read, with their blobs; `problems` say why others could not."""
        self.listing = listing
        self.indices = tuple(index for index, _ in indexed)
        self.problems = tuple(problems)
        self.passed_over = dict(
            sum((Counter(index.passed_over) for index in self.indices), Counter(listing.passed_over))
        )
        """How many files beside the images were not read, by what they are."""
        self._blobs = tuple(blob for _, blob in indexed)
        self._names = image_names(self.indices)
        self.labelled, self.provenance = cache(self._labelled), cache(self._provenance)
        self.pairing, self.present = cache(self._pairing), cache(self._present)

    @property
    def side(self) -> int | None:
        """Pixels of both sides of the images, as far as was looked; None if these are no squares of one size."""
        sides = {index.side for index in self.indices}
        return sides.pop() if len(sides) == 1 else None

    @property
    def labels_are_known(self) -> bool:
        """Whether its images have classes."""
        return self.listing.class_names is not None or any(
            image.label is not None for index in self.indices for image in index.images
        )

    @property
    def unlabelled(self) -> str:
        """What to say of a source whose images have no classes."""
        if any(index.shard.is_tar and "/" in image.name for index in self.indices for image in index.images):
            return (
                f"{self.listing.source} has no labels: folders in tar files are classes only in local ones that are not"
                " compressed; unpack them and give the folder"
            )
        return f"{self.listing.source} has no class folders or other labels"

    def _labelled(self, model: ModelClasses) -> tuple[LabelledShard, ...]:
        """The shards that could be read, for a network with these classes.

        Raises:
            DataError: the classes are not the network's.
        """
        labels = labels_for(self.listing, self.indices, model)
        return tuple(
            LabelledShard(blob=blob, name=index.shard.name, labels=of_shard, digest=_digest(index, of_shard))
            for index, blob, of_shard in zip(self.indices, self._blobs, labels, strict=True)
        )

    def _pairing(self, model: ModelClasses) -> ClassPairing | None:
        """How the labels are paired with a network's outputs; None without labels.

        Raises:
            DataError: they cannot be paired for certain.
        """
        return pairing_for(self.listing, self.indices, model)

    def _present(self, model: ModelClasses) -> tuple[int, ...]:
        """The outputs that images stand for, if these are some of a network's and more than one; else empty.

        It is empty too while a shard cannot be read, as nobody knows then.

        Raises:
            DataError: as `labelled`.
        """
        found = {label for shard in self.labelled(model) for label in shard.labels or ()}
        return tuple(sorted(found)) if not self.problems and 1 < len(found) < model.outputs else ()

    def _provenance(self, skipped: tuple[frozenset[str], ...]) -> ImageProvenance:
        """What a verification says that used all of them but the `skipped`: names, shard by shard."""
        left_out = [image.name in skipped[place] for place, index in enumerate(self.indices) for image in index.images]
        hashes = [image.sha256 for index in self.indices for image in index.images]
        images = list(zip(self._names, hashes, left_out, strict=True))
        used = [(name, sha256) for name, sha256, without in images if not without]
        unused = tuple(name for name, _, without in images if without)
        return self.placed(ImageProvenance(source="", count=len(used), sha256=digest_of(used), skipped=unused))

    def placed(self, used: ImageProvenance) -> ImageProvenance:
        """What is recorded of some of the images, with what this listing says of them.

        A stored result may be of the same images in another place.
        """
        listing = self.listing
        return replace(used, source=listing.source, tables=listing.tables, passed_over=self.passed_over)


async def find_images(listing: Listing, runner: Runner, limits: Limits) -> Images:
    """Read all shards of a listing once, wherever there is room."""

    async def one(shard: Shard) -> tuple[ShardIndex, str] | str:
        call = Call.within(limits, Index(shard=shard), shard.name, limits.memory_bytes // 2)
        try:
            result = await runner.result(call)
        except TaskFailedError as error:
            return str(error)
        blob = result.blobs[INDEX]
        return await asyncio.to_thread(read_index, runner.store, blob), blob

    found = await asyncio.gather(*(one(shard) for shard in listing.shards))
    return Images(
        listing,
        [each for each in found if not isinstance(each, str)],
        [each for each in found if isinstance(each, str)],
    )


def _digest(index: ShardIndex, labels: Sequence[int] | None) -> str:
    rows = [
        [image.name, image.sha256, label] for image, label in zip(index.images, labels or repeat(None), strict=False)
    ]
    return hashlib.sha256(json.dumps(rows).encode("utf-8", "surrogatepass")).hexdigest()
