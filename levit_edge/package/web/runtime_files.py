"""The two files of onnxruntime-web that a page runs its models in: pinned by SHA-256, from npm's package alone."""

import gzip
import hashlib
import io
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from levit_edge.data.tar import StrictHeader, tar_faults
from levit_edge.errors import DataError, LevitEdgeError, PackageError
from levit_edge.package.contents import WEB_RUNTIME
from levit_edge.places import found_at, unreadable
from levit_edge.system.atomic import replace_file
from levit_edge.system.host import CACHE_VARIABLE, cache_folder

__all__ = ["ADVICE", "NPM_PACKAGE", "cached_runtime_files", "runtime_cache", "runtime_files"]

VERSION = "1.30.0"
NPM_PACKAGE = f"onnxruntime-web@{VERSION}"
PINNED = dict(
    zip(
        WEB_RUNTIME,
        (
            (73_054, "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90"),
            (14_239_897, "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"),
        ),
        strict=True,
    )
)
"""Name -> bytes and SHA-256, as npm's package of that version has them."""
INSIDE = "package/dist"
"""Where they lie in the archive."""
MOST_ARCHIVE_BYTES = 2**30
"""Unpacked; the real one has 0.17 GB."""
MOST_MEMBERS = 10_000
NPM_TIMEOUT_S = 900
ADVICE = (
    f"Run `npm pack {NPM_PACKAGE}` on a machine that has npm and a network, and give the file that it writes, or a"
    " folder node_modules/onnxruntime-web, to `levit-edge package --for web` as --runtime-files: it is kept."
)


def runtime_files(given: Path | None = None) -> dict[str, bytes]:
    """The files by name: of `given`, which are kept in the cache, else from there, else fetched into it by npm.

    Args:
        given: the package's archive as `npm pack` writes it, its folder, or a folder with the two files.

    Raises:
        PackageError: they are not there, cannot be fetched, or are others than the pinned ones.
    """
    if given is None:
        found = cached_runtime_files()
        return _fetched() if found is None else found
    files = _of_folder(given) if given.is_dir() else _of_archive(given)
    with suppress(OSError):  # they are there for this time
        _keep(files)
    return files


def cached_runtime_files() -> dict[str, bytes] | None:
    """Those in the cache; None if one is missing or damaged."""
    try:
        return _of_folder(runtime_cache())
    except PackageError:
        return None


def runtime_cache() -> Path:
    """Where they are kept."""
    return cache_folder() / f"onnxruntime-web-{VERSION}"


def _fetched() -> dict[str, bytes]:
    npm = shutil.which("npm")
    if npm is None:
        raise PackageError(f"there is no npm here, which {NPM_PACKAGE} would be fetched by. Install it, or: {ADVICE}")
    folder = runtime_cache()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".npm-") as scratch:
            files = _of_archive(_npm_pack(npm, Path(scratch)))
        _keep(files)
    except OSError as error:
        raise PackageError(
            f"{folder} cannot be written: {error.strerror}. {CACHE_VARIABLE} names another folder for what is fetched."
        ) from error
    return files


def _keep(files: Mapping[str, bytes]) -> None:
    """Put them into the cache.

    Raises:
        OSError: it cannot be written.
    """
    runtime_cache().mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        replace_file(runtime_cache() / name, data)


def _npm_pack(npm: str, folder: Path) -> Path:
    """Let npm fetch the package's archive into `folder`; nothing of it is run."""
    command = [npm, "pack", NPM_PACKAGE, "--silent", "--ignore-scripts", "--pack-destination", str(folder)]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, timeout=NPM_TIMEOUT_S, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as error:
        raise PackageError(f"npm did not fetch {NPM_PACKAGE} in {NPM_TIMEOUT_S} s. {ADVICE}") from error
    except OSError as error:
        raise PackageError(f"{npm} cannot be started: {error.strerror}. Install it again, or: {ADVICE}") from error
    archives = [*folder.glob("*.tgz")]
    if done.returncode or len(archives) != 1:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        brief = ascii(said[-1][:200]) if said else f"exit status {done.returncode}"
        raise PackageError(f"npm could not fetch {NPM_PACKAGE}: {brief}. {ADVICE}")
    return archives[0]


def _of_folder(folder: Path) -> dict[str, bytes]:
    inside = folder / "dist" if (folder / "dist").is_dir() else folder
    return {name: _checked(name, _read(inside / name, size), inside) for name, (size, _) in PINNED.items()}


def _read(path: Path, size: int) -> bytes:
    if (found := found_at(path)) != "is a file":
        raise PackageError(f"{path} {found}, expected a file of {NPM_PACKAGE}. {ADVICE}")
    try:
        with path.open("rb") as file:
            return file.read(size + 1)
    except OSError as error:
        raise PackageError(f"{path} {unreadable(error)}. {ADVICE}") from error


def _of_archive(path: Path) -> dict[str, bytes]:
    if (found := found_at(path)) != "is a file":
        raise PackageError(f"{path} {found}, expected the archive of {NPM_PACKAGE}. {ADVICE}")
    try:
        with tar_faults(path), path.open("rb") as compressed:
            unpacked = _Bounded(gzip.GzipFile(fileobj=compressed))
            with tarfile.open(fileobj=io.BufferedReader(unpacked), mode="r|", tarinfo=StrictHeader) as archive:
                files = _members(archive, path)
    except PackageError:
        raise
    except LevitEdgeError as error:
        raise PackageError(f"{error}; expected the archive of {NPM_PACKAGE}. {ADVICE}") from error
    missing = [name for name in PINNED if name not in files]
    if missing:
        raise PackageError(f"{path} has no {INSIDE}/{missing[0]}, expected the archive of {NPM_PACKAGE}. {ADVICE}")
    return {name: files[name] for name in PINNED}


def _members(archive: tarfile.TarFile, path: Path) -> dict[str, bytes]:
    """The pinned files of an archive that is read from front to end; nothing else is kept, and nothing is written."""
    files: dict[str, bytes] = {}
    for count, member in enumerate(archive, start=1):
        archive.members.clear()  # type: ignore[attr-defined] # or they would be kept
        name = member.name.removeprefix(f"{INSIDE}/")
        if count > MOST_MEMBERS:
            raise DataError(f"{path}: more than {MOST_MEMBERS:,} files")
        if member.name != f"{INSIDE}/{name}" or name not in PINNED:
            continue
        content = archive.extractfile(member) if member.isreg() and name not in files else None
        if content is None:
            raise DataError(f"{path}: {member.name} is no plain file, or there twice")
        files[name] = _checked(name, content.read(PINNED[name][0] + 1), path)
    return files


def _checked(name: str, data: bytes, where: Path) -> bytes:
    size, sha256 = PINNED[name]
    found = hashlib.sha256(data).hexdigest()
    if (len(data), found) != (size, sha256):
        many = f"{len(data):,}" if len(data) <= size else f"more than {size:,}"
        raise PackageError(
            f"{name} in {where} is not that of {NPM_PACKAGE}: {many} bytes, SHA-256 {found[:16]}…; expected {size:,}"
            f" bytes, {sha256[:16]}…. {ADVICE}"
        )
    return data


class _Bounded(io.RawIOBase):
    """What a compressed file unpacks to, as a stream that ends with an error where it grows beyond all bounds."""

    def __init__(self, file: gzip.GzipFile) -> None:
        self._file, self._left = file, MOST_ARCHIVE_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]
        content = self._file.read(min(len(buffer), 1 << 20))
        self._left -= len(content)
        if self._left < 0:
            raise ValueError(f"it unpacks to more than {MOST_ARCHIVE_BYTES:,} bytes")
        buffer[: len(content)] = content
        return len(content)
