"""Checkpoints of a sweep: those that a pattern stands for, and local copies of those at URLs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from levit_edge.errors import CheckpointError
from levit_edge.model.hub_config import FOLDER_FILES
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

__all__ = ["checkpoint_paths", "fetch"]


def checkpoint_paths(pattern: str) -> tuple[StoredFile, ...]:
    """The checkpoints, files or folders of the hub, that a path, a URL or a glob of either stands for, sorted.

    The signature of a folder is that of the files in it that can be a checkpoint's.

    Raises:
        CheckpointError: there are none, or they cannot be looked up.
    """
    with reported(pattern, CheckpointError):
        system, path = locate(pattern)
        found = [location_of(system, path)] if system.exists(path) else []
        if not found and has_glob(pattern):
            found = find_matches(pattern)
        if not found:
            raise CheckpointError(f"{pattern} does not exist; expected checkpoints: files, folders or a glob of them")
        return tuple(StoredFile(path=each, signature=_signature(*locate(each))) for each in found)


@contextmanager
def fetch(location: str) -> Iterator[Path]:
    """A local path of the checkpoint at `location`: itself, or a temporary copy, of a folder only what is the model's.

    Raises:
        CheckpointError: it is missing or cannot be copied.
    """
    system, path = locate(location)
    if is_local(system):
        yield Path(path)
        return
    with TemporaryDirectory(prefix="levit-edge-checkpoint-") as folder:
        with reported(location, CheckpointError):
            copy = _copy(system, path, Path(folder))
        yield copy


def _signature(system: Any, path: str) -> str | None:
    if not system.isdir(path):
        return signature(system, path)
    return "; ".join(f"{name} {signature(system, f'{path}/{name}')}" for name in FOLDER_FILES)


def _copy(system: Any, path: str, folder: Path) -> Path:
    copy = folder / PurePosixPath(path).name
    if system.isfile(path):
        system.get_file(path, str(copy))
        return copy
    names = [name for name in FOLDER_FILES if system.isfile(f"{path}/{name}")]
    if not names:
        raise FileNotFoundError
    copy.mkdir()
    for name in names:
        system.get_file(f"{path}/{name}", str(copy / name))
    return copy
