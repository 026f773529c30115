"""Checkpoints of a sweep: those that a pattern stands for, and local copies of those at URLs and of the hub."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from levit_edge.documents import MAX_DOCUMENT_BYTES
from levit_edge.errors import CheckpointError
from levit_edge.model.hub_config import FOLDER_FILES, INDEX_FILES, WEIGHT_FILES
from levit_edge.model.shards import INDEX_SUFFIX, parse_index
from levit_edge.sweep.inputs.storage import (
    StoredFile,
    find_matches,
    has_glob,
    is_local,
    locate,
    location_of,
    reported,
    signature,
)
from levit_edge.sweep.tasks.store import Store

__all__ = ["checkpoint_paths", "fetch", "keep_files", "kept_files"]

PREFIX = "levit-edge-checkpoint-"


def checkpoint_paths(pattern: str) -> tuple[StoredFile, ...]:
    """The checkpoints, files or folders of the hub, that a path, a URL or a glob of either stands for, sorted.

    The signature of a folder is that of the files in it that can be a checkpoint's; that of an index (`*.index.json`)
    is also that of the files that it names.

    Raises:
        CheckpointError: there are none, or they cannot be looked up.
    """
    with reported(pattern, CheckpointError):
        system, path = locate(pattern)
        found = [location_of(system, path)] if system.exists(path) else []
        if not found and has_glob(pattern):
            found = find_matches(pattern)
        if not found:
            if not has_glob(pattern):
                signature(system, path)  # raises, where a server was not reached
            raise CheckpointError(f"{pattern} does not exist; expected checkpoints: files, folders or a glob of them")
        return tuple(StoredFile(path=each, signature=_signature(*locate(each))) for each in found)


@contextmanager
def fetch(location: str) -> Iterator[Path]:
    """A local path of the checkpoint at `location`: itself, or a temporary copy, of a folder only what is the model's.

    With an index come the files beside it that it names.

    Raises:
        CheckpointError: it is missing or cannot be copied.
    """
    system, path = locate(location)
    if is_local(system):
        yield Path(path)
        return
    with TemporaryDirectory(prefix=PREFIX) as folder:
        with reported(location, CheckpointError):
            copy = _copy(system, path, Path(folder))
        yield copy


def keep_files(folder: Path, store: Store) -> dict[str, str]:
    """Put what is the model's of a local folder into the store, which all workers see: name -> SHA-256."""
    _, names = _files_of(*locate(str(folder)))
    return {name: store.add((folder / name).read_bytes()) for name in names if (folder / name).is_file()}


@contextmanager
def kept_files(files: Mapping[str, str], store: Store) -> Iterator[Path]:
    """A temporary folder with what `keep_files` has kept."""
    with TemporaryDirectory(prefix=PREFIX) as folder:
        for name, sha256 in files.items():
            Path(folder, name).write_bytes(store.blob(sha256))
        yield Path(folder)


def _signature(system: Any, path: str) -> str | None:
    folder, names = _files_of(system, path)
    if names == [PurePosixPath(path).name]:
        return signature(system, path)
    return "; ".join(f"{name} {signature(system, f'{folder}/{name}')}" for name in names)


def _copy(system: Any, path: str, folder: Path) -> Path:
    source, names = _files_of(system, path)
    found = [name for name in names if system.isfile(f"{source}/{name}")]
    if not found:
        raise FileNotFoundError
    copy = folder / PurePosixPath(path).name
    target = copy if source == path else folder
    target.mkdir(exist_ok=True)
    for name in found:
        system.get_file(f"{source}/{name}", str(target / name))
    return copy


def _files_of(system: Any, path: str) -> tuple[str, list[str]]:
    """The folder that a checkpoint is in or is, and the names of the files there that can be its, there or not."""
    if system.isfile(path):
        folder, _, name = path.rpartition("/")
        return folder, [name, *_shards(system, path)]
    held = next((name for name in (*WEIGHT_FILES, *INDEX_FILES) if system.isfile(f"{path}/{name}")), "")
    return path, [*FOLDER_FILES, *_shards(system, f"{path}/{held}")]


def _shards(system: Any, path: str) -> list[str]:
    """The files that the index at that path names; none if it is no index, which is told by who reads it."""
    if not path.endswith(INDEX_SUFFIX):
        return []
    with system.open(path) as file:
        content = file.read(MAX_DOCUMENT_BYTES)
    try:
        return list(parse_index(content, PurePosixPath(path).name))
    except CheckpointError:
        return []
