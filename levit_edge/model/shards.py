"""Reads the index of weights that are split into several files, as Transformers writes it."""

import re
from pathlib import Path

from levit_edge.documents import parse_json, read_json
from levit_edge.errors import CheckpointError
from levit_edge.text import listed

__all__ = ["INDEX_SUFFIX", "parse_index", "read_index", "refuse_one_shard"]

INDEX_SUFFIX = ".index.json"
MOST_SHARDS = 100
SHARD = re.compile(r"(.+)-\d{5}-of-(?!00001)\d{5}(\.\w+)")
"""What Transformers calls one of several files."""


def read_index(path: Path) -> dict[str, set[str]]:
    """The files that lie beside the index, in the order of their names, each with the names of its tensors.

    Raises:
        CheckpointError: it is no index, or names a file outside its folder.
    """
    return _shards(path.name, read_json(path, CheckpointError, "the index"))


def parse_index(content: bytes, name: str) -> dict[str, set[str]]:
    """As `read_index`, of the content of an index that is called `name`."""
    return _shards(name, parse_json(content, CheckpointError, f"the index {name}"))


def refuse_one_shard(path: Path) -> None:
    """Refuse a file that is one of several, by its name and the index beside it.

    Raises:
        CheckpointError: it is.
    """
    found = SHARD.fullmatch(path.name)
    if found and (index := path.with_name(found[1] + found[2] + INDEX_SUFFIX)).is_file():
        raise CheckpointError(f"It is one of several files of one network: pass their index {index}, or the folder.")


def _shards(index: str, content: object) -> dict[str, set[str]]:
    places = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(places, dict) or not places or not all(isinstance(name, str) for name in places.values()):
        raise CheckpointError(f'{index} has no "weight_map" from tensors to files.')
    shards: dict[str, set[str]] = {name: set() for name in sorted(set(places.values()))}
    odd = [name for name in shards if not _is_beside(name)]
    if odd:
        raise CheckpointError(f"{index} names files that do not lie beside it: {listed(odd)}.")
    if len(shards) > MOST_SHARDS:
        raise CheckpointError(f"{index} names {len(shards)} files: no LeViT is split into more than {MOST_SHARDS}.")
    for tensor, name in places.items():
        shards[name].add(tensor)
    return shards


def _is_beside(name: str) -> bool:
    return not set(name) & set("/\\:\0") and name not in ("", ".", "..") and not name.endswith(INDEX_SUFFIX)
