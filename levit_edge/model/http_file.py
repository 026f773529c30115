"""Fetches one file over HTTP: resumes where it can, and gives it its name only once its hash is right."""

import fcntl
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from levit_edge.errors import DownloadError
from levit_edge.text import counted

__all__ = ["Progress", "fetch_file"]

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are there and the bytes there will be, None if the server does not say."""

ATTEMPTS = 4
"""Transfers before giving up; each goes on where the one before was cut off."""
CHUNK_BYTES = 1 << 18
MAX_FILE_BYTES = 1 << 30
"""The largest published LeViT is 0.16 GB."""
PARTIAL_CONTENT = 206
RANGE_NOT_SATISFIABLE = 416


@dataclass(frozen=True)
class _Origin:
    """Where a file comes from, and what is borne of its server."""

    url: str
    progress: Progress | None
    timeout_s: float
    most_bytes: int


def fetch_file(
    url: str,
    target: Path,
    *,
    sha256_prefix: str,
    progress: Progress | None = None,
    timeout_s: float = 30.0,
    most_bytes: int = MAX_FILE_BYTES,
) -> Path:
    """Fetch `url` to `target`, unless a file with the right hash is there already.

    What has come of a file stays beside it as `.partial` when the connection is cut, and the next call goes on from
    there. Processes that fetch the same file wait for each other.

    Args:
        url: http or https.
        target: the final path; its folder is made.
        sha256_prefix: what the hex SHA-256 of the file has to start with.
        progress: told after each piece.
        timeout_s: seconds without a byte before the connection is given up.
        most_bytes: what the file may have; one that is larger is given up.

    Raises:
        DownloadError: no connection, an HTTP error, a wrong hash, or the folder cannot be written.
    """
    if not url.startswith(("https://", "http://")):
        raise DownloadError(f"{url} is neither an http nor an https address.")
    try:
        if _has_hash(target, sha256_prefix):
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target):
            if not _has_hash(target, sha256_prefix):  # another process may have fetched it meanwhile
                _fetch_checked(_Origin(url, progress, timeout_s, most_bytes), target, sha256_prefix)
    except OSError as error:
        raise DownloadError(f"{target} cannot be written: {error.strerror or error}.") from error
    return target


def _fetch_checked(origin: _Origin, target: Path, sha256_prefix: str) -> None:
    partial = target.with_name(target.name + ".partial")
    for _ in range(2 if partial.exists() else 1):  # what is there may be the beginning of another file
        if not _has_hash(partial, sha256_prefix):
            _transfer(origin, partial)
        found = _sha256(partial)
        if found.startswith(sha256_prefix):
            partial.replace(target)
            return
        partial.unlink()
    raise DownloadError(
        f"{origin.url} sent a file whose SHA-256 starts with {found[: len(sha256_prefix)]}; expected {sha256_prefix}."
        " It was removed: the server or something on the way (a proxy, a login page) sent another file."
    )


def _transfer(origin: _Origin, partial: Path) -> None:
    for _ in range(ATTEMPTS):
        if _transfer_once(origin, partial):
            return
    size = partial.stat().st_size if partial.exists() else 0
    raise DownloadError(
        f"{origin.url}: the connection was cut {ATTEMPTS} times, at last after {counted(size, 'byte')}. Run it again."
    )


def _transfer_once(origin: _Origin, partial: Path) -> bool:
    """Append what is missing, or write the file anew if the server does not resume; whether it is whole now."""
    start = partial.stat().st_size if partial.exists() else 0
    headers = {"User-Agent": "levit-edge", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    request = Request(origin.url, headers=headers)  # noqa: S310 - http(s), checked above
    try:
        response = urlopen(request, timeout=origin.timeout_s)  # noqa: S310
    except HTTPError as error:
        error.close()
        if start and error.code == RANGE_NOT_SATISFIABLE:
            partial.unlink()
            return False
        raise DownloadError(f"{origin.url}: the server answered {error.code} {error.reason}.") from error
    except (OSError, HTTPException) as error:
        raise DownloadError(f"{origin.url} cannot be reached: {getattr(error, 'reason', None) or error}.") from error
    with response:
        if response.status != PARTIAL_CONTENT:
            start = 0
        elif not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            partial.unlink(missing_ok=True)
            return False
        length = response.length
        total = None if length is None else start + length
        with partial.open("ab" if start else "wb") as file:
            return _copy(response, file, total, origin)


def _copy(response: HTTPResponse, file: BinaryIO, total: int | None, origin: _Origin) -> bool:
    """Write the body to the end of `file`; whether all of it came."""
    while True:
        try:
            chunk = response.read(CHUNK_BYTES)
        except (OSError, HTTPException):  # cut off or timed out: what came stays for the next attempt
            return False
        if not chunk:
            return total is None or file.tell() == total
        file.write(chunk)
        if file.tell() > origin.most_bytes:
            raise DownloadError(f"{origin.url} sends more than {origin.most_bytes} bytes: it is another file.")
        if origin.progress:
            origin.progress(file.tell(), total)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _has_hash(path: Path, sha256_prefix: str) -> bool:
    return path.is_file() and _sha256(path).startswith(sha256_prefix)


@contextmanager
def _locked(target: Path) -> Iterator[None]:
    """Hold the lock of `target` among processes; the empty lock file stays, as removing it would undo the lock."""
    with target.with_name(target.name + ".lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
