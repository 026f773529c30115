"""What a long run has worked out so far, kept by all that determines it, so that an interrupted one can go on."""

import hashlib
import json
import os
import shutil
import stat
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from levit_edge.system.atomic import remove_abandoned, replace_file
from levit_edge.system.host import cache_folder
from levit_edge.system.locks import lock

__all__ = ["KEPT_DAYS", "Part", "ResultCache", "key_of"]

KEPT_DAYS = 14
"""Results that nobody has come back for are removed by the next run."""
SHA256_BYTES = 32
WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class Part(NamedTuple):
    """One result of an interrupted run."""

    content: bytes
    written: datetime
    """Local time."""


def key_of(inputs: Any) -> str:
    """SHA-256, in hex, of all that a result depends on, which is as JSON can hold it."""
    document = json.dumps(inputs, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(document.encode("utf-8", "surrogatepass")).hexdigest()


class ResultCache:
    """The results so far of one run; use it in a `with` statement, and call `done` when the run has succeeded.

    They lie in a folder `unfinished/KEY` of the user's cache (`cache_folder`). KEY is a digest of `inputs`, which is
    everything that the results depend on, by name: results of other inputs have another folder. One process at a time
    has it, until it ends.

    Raises (on entering):
        BlockingIOError: another process is at the same work.
        OSError: the folder cannot be made, or other users may write into it.
    """

    def __init__(self, inputs: Mapping[str, str], folder: Path | None = None) -> None:
        self.path = (folder or cache_folder() / "unfinished") / key_of(dict(inputs))

    def __enter__(self) -> Self:
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._descriptor = lock(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        found = os.fstat(self._descriptor)
        if found.st_uid != os.geteuid() or found.st_mode & WRITABLE_BY_OTHERS:
            os.close(self._descriptor)
            raise PermissionError(None, "other users may write into it", str(self.path))
        remove_abandoned(self.path, ".*")
        _remove_old(self.path.parent)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with suppress(OSError):  # it holds something
            self.path.rmdir()
        os.close(self._descriptor)

    def read(self, name: str) -> Part | None:
        """What `write` was given; None if there is nothing whole."""
        path = self.path / name
        try:
            content, written = path.read_bytes(), path.stat().st_mtime
        except OSError:
            return None
        if hashlib.sha256(content[SHA256_BYTES:]).digest() != content[:SHA256_BYTES]:
            return None
        return Part(content=content[SHA256_BYTES:], written=datetime.fromtimestamp(written))

    def write(self, name: str, content: bytes) -> None:
        """Keep one result.

        Raises:
            OSError: the disk is full, or not writable.
        """
        replace_file(self.path / name, hashlib.sha256(content).digest() + content)

    def keep_only(self, name: str) -> None:
        """Remove all results but one."""
        for path in list(self.path.iterdir()):
            if path.name != name:
                path.unlink()

    def done(self) -> None:
        """The run has succeeded: nothing of this is needed any more."""
        shutil.rmtree(self.path, ignore_errors=True)


def _remove_old(folder: Path) -> None:
    then = time.time() - KEPT_DAYS * 24 * 3600
    for path in list(folder.iterdir()):
        with suppress(OSError):  # another run has it, or has removed it
            if max(each.stat().st_mtime for each in (path, *path.iterdir())) >= then:
                continue
            descriptor = lock(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            shutil.rmtree(path, ignore_errors=True)
            os.close(descriptor)
