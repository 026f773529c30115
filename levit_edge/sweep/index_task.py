"""The task that reads one shard of images to find out what is in it."""

import json

from levit_edge.documents import from_json, to_json
from levit_edge.errors import SweepError
from levit_edge.sweep.call import Call, Result
from levit_edge.sweep.shard_index import ShardIndex, index_shard
from levit_edge.sweep.sources import Shard
from levit_edge.sweep.store import Store

__all__ = ["INDEX", "index", "read_index"]

INDEX = "index"


def index(call: Call, store: Store) -> dict[str, Result]:
    """List the shard's images with their classes and the SHA-256 of their contents."""
    ((name, inputs),) = call.pieces.items()
    found = index_shard(from_json(Shard, inputs, SweepError, "a call"))
    blob = store.add(json.dumps(to_json(found), separators=(",", ":")).encode())
    return {name: Result(value={"images": len(found.images), "digest": found.digest}, blobs={INDEX: blob})}


def read_index(store: Store, result: Result) -> ShardIndex:
    """What the task has found."""
    return from_json(ShardIndex, json.loads(store.blob(result.blobs[INDEX])), SweepError, "an index of images")
