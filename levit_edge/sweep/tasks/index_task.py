"""The task that reads one shard of images to find out what is in it."""

import json
from dataclasses import dataclass

from levit_edge.documents import from_json, to_json
from levit_edge.errors import SweepError
from levit_edge.sweep.inputs.shard_index import ShardIndex, index_shard
from levit_edge.sweep.inputs.sources import Shard
from levit_edge.sweep.tasks.call import Call, Result
from levit_edge.sweep.tasks.store import Store

__all__ = ["INDEX", "IndexedShard", "index", "read_indexed"]

INDEX = "index"


@dataclass(frozen=True, kw_only=True)
class IndexedShard:
    """A shard and what is in it."""

    shard: Shard
    index: ShardIndex


def index(call: Call, store: Store) -> dict[str, Result]:
    """List the shard's images with their classes and the SHA-256 of their contents."""
    ((name, inputs),) = call.pieces.items()
    shard = from_json(Shard, inputs, SweepError, "a call")
    found = IndexedShard(shard=shard, index=index_shard(shard))
    blob = store.add(json.dumps(to_json(found), separators=(",", ":")).encode())
    return {name: Result(value={"images": len(found.index.images)}, blobs={INDEX: blob})}


def read_indexed(store: Store, sha256: str) -> IndexedShard:
    """What the task has found, from its blob."""
    return from_json(IndexedShard, json.loads(store.blob(sha256)), SweepError, "an index of images")
