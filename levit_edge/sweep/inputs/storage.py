"""Local files and those of object stores, through fsspec: what is there, and what tells its content.

A location is a local path or a URL such as `s3://bucket/val`. Listings are never remembered: what is there is seen.
"""

import os
import re
import socket
import ssl
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from errno import errorcode
from http import HTTPStatus
from pathlib import Path, PurePosixPath
from typing import Any

from levit_edge.errors import MEMORY_ADVICE, DataError, LevitEdgeError, MemoryShortageError

__all__ = ["StoredFile", "find_matches", "has_glob", "is_local", "locate", "location_of", "reported", "signature"]

CONTENT_TELLERS = (
    "ETag",
    "etag",
    "md5Hash",
    "Content-MD5",
    "mtime",
    "LastModified",
    "last_modified",
    "Last-Modified",
    "created",
)
"""What file systems say of a file that changes with its content; the first is taken, as only some say the others."""
LONGEST_REASON = 300
CONNECTION_FAULTS = (ConnectionError, TimeoutError, ssl.SSLError, socket.gaierror)
NOT_THERE = {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """A file, and what tells its content without reading it."""

    path: str
    """Where it is, in the folder that it is listed with."""
    signature: str | None
    """Another one if the content is another; None if there is no such file."""


@contextmanager
def reported(
    what: str, error: type[LevitEdgeError] = DataError, note: Callable[[], str] = lambda: ""
) -> Iterator[None]:
    """Whatever goes wrong in the body with a file or a store, as one `error` about `what`, with a `note` at its end."""
    try:
        yield
    except LevitEdgeError:
        raise
    except MemoryError as failure:
        raise MemoryShortageError(f"{what}: not enough memory to read it: {MEMORY_ADVICE}") from failure
    except Exception as failure:  # each file system, and what is below it, raises errors of its own
        raise error(f"{what}: {_reason(failure)}{note()}") from failure


def locate(location: str) -> tuple[Any, str]:
    """The fsspec file system that `location` is in, and its path there.

    Raises:
        DataError: it is a command or a chain of URLs, or a library that it needs is not installed.
    """
    if location.startswith("pipe:"):
        raise DataError(f"{location}: commands are not run; give a path or a URL")
    if "::" in location:
        raise DataError(f"{location}: chains of URLs are not supported; give a path or one URL")
    with reported(location):
        from fsspec.core import url_to_fs

        system, path = url_to_fs(location, use_listings_cache=False)
    return system, path


def signature(system: Any, path: str, info: dict[str, Any] | None = None) -> str | None:
    """What tells the content of the file at `path`; None if there is none. `info` is what a listing said of it.

    Local files: size, time of change in nanoseconds and inode. Elsewhere: size and what the store says, such as ETag.

    Raises:
        DataError: the store says nothing that changes with the content.
    """
    try:
        if is_local(system):
            status = Path(path).stat()
            return f"size={status.st_size} mtime_ns={status.st_mtime_ns} inode={status.st_ino}"
        told = _told(info or {}) or _told(system.info(path))
    except FileNotFoundError as error:
        if _obstacle(error.__cause__):
            raise
        return None
    if told is None:
        raise DataError(f"{path}: its server says nothing that changes with the content; use a local copy")
    return told


def _told(info: dict[str, Any]) -> str | None:
    key = next((key for key in CONTENT_TELLERS if info.get(key) is not None), None)
    if key is None:
        return None
    value = info[key]
    return f"size={info['size']} {key}={value.timestamp() if isinstance(value, datetime) else value}"


def has_glob(location: str) -> bool:
    """Whether `location` is a glob pattern."""
    return re.search(r"[*?\[]", location) is not None


def find_matches(pattern: str) -> list[str]:
    """The locations of files and folders that match a glob pattern, sorted; but not hidden ones, nor their content.

    Raises:
        DataError: they cannot be listed.
    """
    system, path = locate(pattern)
    with reported(pattern):
        found = sorted(system.glob(path))
    return [location_of(system, each) for each in found if not PurePosixPath(each).name.startswith(".")]


def location_of(system: Any, path: str) -> str:
    """The location that `locate` takes apart into these two."""
    return path if is_local(system) else str(system.unstrip_protocol(path))


def is_local(system: Any) -> bool:
    """Whether a file system is this machine's."""
    return "file" in ((system.protocol,) if isinstance(system.protocol, str) else system.protocol)


def _reason(failure: Exception) -> str:
    """In one line."""
    return " ".join(_told_by(failure).split())[:LONGEST_REASON] or type(failure).__name__


def _told_by(failure: Exception) -> str:
    if isinstance(failure, FileNotFoundError):
        return _obstacle(failure.__cause__) or "it does not exist"
    if obstacle := _obstacle(failure):
        return obstacle
    if isinstance(failure, ModuleNotFoundError):
        return f"this needs {failure.name}: pip install 'levit-edge[sweep]'"
    if isinstance(failure, ImportError):  # fsspec's: "Install s3fs to access S3"
        library = re.search(r"\b[Ii]nstall (\w+) ", str(failure))
        return f"{failure}: pip install {library[1]}" if library else str(failure)
    if isinstance(failure, OSError) and failure.strerror:
        return failure.strerror
    return str(failure)


def _obstacle(error: BaseException | None) -> str | None:
    """What keeps a file system from looking; fsspec's for HTTP says of all of these that there is no such file."""
    if isinstance(error, _of_aiohttp("ClientResponseError")):
        return None if error.status in NOT_THERE else f"the server answers {error.status} {error.message}"
    if isinstance(error, (*CONNECTION_FAULTS, _of_aiohttp("ClientConnectionError"))):
        return f"no connection: {_system_reason(error)}"
    return None


def _of_aiohttp(name: str) -> Any:
    """A class of what fsspec uses for HTTP; where that was never imported, one of which nothing is."""
    return getattr(sys.modules.get("aiohttp"), name, ())


def _system_reason(error: BaseException) -> str:
    """Such as `Connection refused`, where the error itself may say `Connect call failed ('127.0.0.1', 9)`."""
    for each in (error, error.__cause__):
        if isinstance(each, ssl.SSLError | socket.gaierror) and each.strerror:
            return each.strerror  # their numbers are their own
    if isinstance(error, OSError):
        said = os.strerror(error.errno) if error.errno and error.errno in errorcode else error.strerror
        return said or str(error) or type(error).__name__
    return str(error) or type(error).__name__
