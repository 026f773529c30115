"""The images of a sweep: what its index tasks have found in the shards of one source."""

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from levit_edge.data.sampling import digest_of
from levit_edge.documents import to_json
from levit_edge.runtime.manifest import ImageProvenance
from levit_edge.sweep.call import Call
from levit_edge.sweep.index_task import read_index
from levit_edge.sweep.runner import Runner, TaskFailedError
from levit_edge.sweep.shard_index import ShardIndex, image_names
from levit_edge.sweep.sources import Listing, Shard
from levit_edge.sweep.store import Store

__all__ = ["Images", "IndexedShard", "digest_of_labelled", "find_images"]


@dataclass(frozen=True, kw_only=True)
class IndexedShard:
    """A shard and what is in it."""

    shard: Shard
    index: ShardIndex


@dataclass(frozen=True, kw_only=True)
class Images:
    """A source whose shards have been read once."""

    listing: Listing
    shards: tuple[IndexedShard, ...]
    """Those that could be read."""
    problems: tuple[str, ...]
    """Why others could not."""

    @property
    def listed(self) -> int:
        """How many shards there are, read or not."""
        return len(self.listing.shards)

    @property
    def indices(self) -> tuple[ShardIndex, ...]:
        """Of the shards that could be read."""
        return tuple(each.index for each in self.shards)

    def provenance(self, skipped: Sequence[frozenset[str]]) -> ImageProvenance:
        """What a verification says that used all of them but the `skipped`: names by shard."""
        names = iter(image_names(self.indices))
        flat = [
            (next(names), image.sha256, image.name in left_out)
            for each, left_out in zip(self.indices, skipped, strict=True)
            for image in each.images
        ]
        used = [(name, sha256) for name, sha256, left_out in flat if not left_out]
        return ImageProvenance(
            source=self.listing.source,
            count=len(used),
            sha256=digest_of(used),
            skipped=tuple(name for name, _, left_out in flat if left_out),
        )


async def find_images(listing: Listing, runner: Runner, store: Store, *, memory_bytes: int, seconds: int) -> Images:
    """Read all shards of a listing once, wherever there is room."""

    async def one(shard: Shard) -> IndexedShard | str:
        call = Call(
            kind="index",
            subject=shard.name,
            pieces={"": to_json(shard)},
            memory_bytes=memory_bytes,
            seconds=seconds,
        )
        try:
            result = await runner.result(call)
        except TaskFailedError as error:
            return str(error)
        return IndexedShard(shard=shard, index=await asyncio.to_thread(read_index, store, result))

    found = await asyncio.gather(*(one(shard) for shard in listing.shards))
    return Images(
        listing=listing,
        shards=tuple(each for each in found if isinstance(each, IndexedShard)),
        problems=tuple(each for each in found if isinstance(each, str)),
    )


def digest_of_labelled(index: ShardIndex, labels: Sequence[int] | None) -> str:
    """SHA-256 of a shard's images in their order, with their labels."""
    rows = [[image.name, image.sha256, None if labels is None else labels[i]] for i, image in enumerate(index.images)]
    return hashlib.sha256(json.dumps(rows).encode("utf-8", "surrogatepass")).hexdigest()
