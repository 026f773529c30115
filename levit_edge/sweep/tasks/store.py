"""The results of a sweep by what they depend on, in a folder or at a URL that all its workers see.

    results/KE/KEY…      a JSON document: kind, inputs, environment, value, and the SHA-256 of its blobs
    blobs/SH/SHA256…     model files and the like, by their content
    logs/CALL.log        what workers wrote whose tasks failed

Nothing is ever changed: whoever writes the same name writes the same thing. In a folder files appear by rename; at a
URL the service sees to it.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from levit_edge.documents import Version, from_json, parse_json, to_json
from levit_edge.errors import SweepError
from levit_edge.sweep.inputs.storage import is_local, locate, location_of, reported
from levit_edge.sweep.tasks.result import Result, key_of
from levit_edge.system.atomic import replace_file

__all__ = ["Store"]

SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """A result with all that it depends on."""

    schema_version: Annotated[int, Version(SCHEMA_VERSION)] = SCHEMA_VERSION
    kind: str
    inputs: dict[str, Any]
    environment: dict[str, str]
    result: Result

    @property
    def key(self) -> str:
        """What it is kept by."""
        return key_of(self.kind, self.inputs, self.environment)


class Store:
    """Reads and writes results; `url` is a folder's path or an fsspec URL.

    Raises (all methods):
        SweepError: it cannot be read or written; the message names it.
    """

    def __init__(self, url: str) -> None:
        self._files, root = locate(url)
        self._root = root.rstrip("/")
        self.url = location_of(self._files, self._root)
        """Absolute, as others have a current folder of their own."""

    def keys(self) -> frozenset[str]:
        """The keys of all results that are there."""
        with reported(self.url, SweepError):
            try:
                found = self._files.find(f"{self._root}/results")
            except FileNotFoundError:
                return frozenset()
        names = (name.rpartition("/")[2] for name in found)
        return frozenset(name for name in names if not name.startswith("."))

    def remove_partial(self) -> None:
        """Remove what killed workers have half written; nobody may be writing."""
        if is_local(self._files):
            for path in Path(self._root).glob("*/*/.*.partial-*"):
                with suppress(OSError):
                    path.unlink()

    def result(self, key: str) -> Result | None:
        """The result kept under `key`, whose blobs are there too; None if there is none, or it is damaged."""
        with reported(self.url, SweepError):
            try:
                content = self._files.cat_file(self._path("results", key))
            except FileNotFoundError:
                return None
            try:
                kept = from_json(_Kept, parse_json(content, SweepError, "a result"), SweepError, "a result")
            except SweepError:
                return None
            blobs = (self._path("blobs", sha256) for sha256 in kept.result.blobs.values())
            return kept.result if kept.key == key and all(map(self._files.exists, blobs)) else None

    def keep(self, kind: str, inputs: Mapping[str, Any], environment: Mapping[str, str], result: Result) -> None:
        """Keep `result`, whose blobs were `add`ed before."""
        kept = _Kept(kind=kind, inputs=dict(inputs), environment=dict(environment), result=result)
        self._write(self._path("results", kept.key), json.dumps(to_json(kept), indent=1).encode())

    def add(self, content: bytes) -> str:
        """Keep bytes; returns their SHA-256."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = self._path("blobs", sha256)
        with reported(self.url, SweepError):
            there = self._files.exists(path) and self._files.size(path) == len(content)
        if not there:
            self._write(path, content)
        return sha256

    def blob(self, sha256: str) -> bytes:
        """The bytes of that SHA-256; damaged ones are removed, so that another run makes them anew."""
        path = self._path("blobs", sha256)
        with reported(self.url, SweepError):
            content: bytes = self._files.cat_file(path)
        if hashlib.sha256(content).hexdigest() != sha256:
            with suppress(OSError):
                self._files.rm_file(path)
            raise SweepError(f"{path} was damaged and is removed: run the same sweep again to make it anew.")
        return content

    def keep_log(self, name: str, text: str) -> str:
        """Keep what a worker has written, for people; returns where it is."""
        path = f"{self._root}/logs/{name}.log"
        self._write(path, text.encode("utf-8", "replace"))
        return path

    def leave_note(self) -> str:
        """Write a file of random text, to find out who sees this store; returns the text, which `note` gives."""
        text = secrets.token_hex(16)
        self._write(f"{self._root}/.seen", text.encode())
        return text

    def note(self) -> str:
        """What `leave_note` has left, or an empty text."""
        with reported(self.url, SweepError):
            try:
                return str(self._files.cat_file(f"{self._root}/.seen").decode("ascii", "replace"))
            except FileNotFoundError:
                return ""

    def _path(self, part: str, name: str) -> str:
        return f"{self._root}/{part}/{name[:2]}/{name}"

    def _write(self, path: str, content: bytes) -> None:
        with reported(self.url, SweepError):
            write_whole(self._files, path, content)


def write_whole(files: Any, path: str, content: bytes) -> None:
    """Write a file of an fsspec file system that appears whole or not at all."""
    if not is_local(files):
        files.pipe_file(path, content)
        return
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    replace_file(Path(path), content)
