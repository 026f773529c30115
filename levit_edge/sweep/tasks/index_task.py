"""The task that reads one shard of images to find out what is in it."""

import json
from dataclasses import dataclass
from typing import ClassVar

from levit_edge.documents import from_json, to_json
from levit_edge.errors import SweepError
from levit_edge.sweep.inputs.shard_index import ShardIndex, index_shard
from levit_edge.sweep.inputs.sources import Shard
from levit_edge.sweep.tasks.call import Task
from levit_edge.sweep.tasks.result import Result
from levit_edge.sweep.tasks.store import Store

__all__ = ["INDEX", "Index", "read_index"]

INDEX = "index"


@dataclass(frozen=True, kw_only=True)
class Index(Task):
    """List the shard's images with their classes and the SHA-256 of their contents."""

    kind: ClassVar[str] = "index"
    shard: Shard

    def run(self, store: Store) -> dict[str, Result]:
        """Its blob is what `read_index` reads."""
        found = index_shard(self.shard)
        blob = store.add(json.dumps(to_json(found), separators=(",", ":")).encode())
        return {"": Result(value={"images": len(found.images)}, blobs={INDEX: blob})}


def read_index(store: Store, sha256: str) -> ShardIndex:
    """What the task has found, from its blob."""
    return from_json(ShardIndex, json.loads(store.blob(sha256)), SweepError, "an index of images")
