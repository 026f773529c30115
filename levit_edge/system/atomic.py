"""Writing files and folders that appear whole or not at all: filled under another name, then renamed."""

import ctypes
import errno
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from levit_edge.errors import OutputError
from levit_edge.places import found_at
from levit_edge.system.locks import output_lock

__all__ = [
    "exchange",
    "folder_beside",
    "is_replaceable",
    "prepared",
    "put_in_place",
    "remove_abandoned",
    "replace_file",
    "require_folder",
    "require_writable",
    "reserved",
    "write_synced",
    "write_whole",
]

AT_FDCWD = -100
RENAME_EXCHANGE = 2


def require_writable(path: Path, option: str) -> None:
    """Refuse, before any long work, a path that no file can be written to; `option`, as `--plot`, is what gave it.

    Raises:
        OutputError: its folder does not exist or is not writable, or something that is not a file is there.
    """
    if (found := found_at(path.parent)) != "is a folder":
        advice = " Create it first." if found == "does not exist" else f" Choose another {option}."
        raise OutputError(f"{path.parent} {found}, so {path.name} cannot be written there.{advice}")
    if path.exists() and not path.is_file():
        raise OutputError(f"{path} {found_at(path)}, expected a file. Choose another {option}.")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"{path.parent} is not writable. Choose another {option}.")
    _require_takes_files(path.parent, option)


def require_folder(folder: Path, option: str) -> None:
    """Refuse, before any long work, a folder that can neither be written to nor made; it is not made yet.

    Raises:
        OutputError: it, or the folder above that is there, is not a folder or not writable.
    """
    there = next(each for each in (folder.absolute(), *folder.absolute().parents) if os.path.lexists(each))
    if (found := found_at(there)) != "is a folder":
        raise OutputError(f"{there} {found}, expected a folder to write into. Choose another {option}.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise OutputError(f"{there} is not writable. Choose another {option}.")
    _require_takes_files(there, option)


def _require_takes_files(folder: Path, option: str) -> None:
    """Refuse a folder whose permissions would do and in which nothing can be made, as `/proc` to root.

    Such a file system has no blocks. As others may say that too, a folder is made there, and removed, to know.
    """
    trial = folder / f".trial-{os.getpid()}-{secrets.token_hex(4)}"
    try:
        if os.statvfs(folder).f_blocks == 0:
            trial.mkdir()
            trial.rmdir()
    except OSError as error:
        raise OutputError(f"{folder} is not writable ({error.strerror}). Choose another {option}.") from error


@contextmanager
def reserved(path: Path, option: str) -> Iterator[None]:
    """Keep other runs from writing `path` while the body runs, which is to write it; see `require_writable`.

    Raises:
        OutputError: no file can be written there, or another run is about to.
    """
    require_writable(path, option)
    with output_lock(path, option):
        remove_abandoned(path.parent, re.escape(path.name))
        yield


def write_whole(path: Path, data: bytes, option: str) -> None:
    """Write `data` beside `path` and rename; an older file stays if that fails.

    Raises:
        OutputError: it cannot be written.
    """
    with prepared(path, data, option) as partial:
        partial.replace(path)


@contextmanager
def prepared(path: Path, data: bytes, option: str) -> Iterator[Path]:
    """Write `data` beside `path` for the body to rename; if it does not, it is removed.

    Raises:
        OutputError: it cannot be written.
    """
    try:
        with _beside(path, data) as partial:
            yield partial
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}. Choose another {option}.") from error


def replace_file(path: Path, data: bytes) -> None:
    """As `write_whole`, for files that no user has named.

    Raises:
        OSError: it cannot be written.
    """
    with _beside(path, data) as partial:
        partial.replace(path)


def write_synced(path: Path, data: bytes) -> None:
    """Write a file that nobody sees yet, so that a rename after it never comes to the disk before it.

    Raises:
        OSError: it cannot be written.
    """
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def remove_abandoned(folder: Path, name: str) -> None:
    """Remove what killed processes have half written for files in `folder` whose names match the expression `name`."""
    ours = re.compile(rf"\.{name}\.partial-([0-9]{{1,9}})(?:-[0-9a-f]{{8}})?")
    for path in list(folder.iterdir()):
        match = ours.fullmatch(path.name)
        if match is not None and not _is_running(int(match[1])):
            with suppress(OSError):
                path.unlink()


@contextmanager
def folder_beside(output: Path, option: str) -> Iterator[Path]:
    """A new hidden folder, to be filled and `put_in_place`, while other runs are kept from writing `output`.

    Raises:
        OSError: the folder that holds `output` cannot be read or written.
        OutputError: another run is writing `output`.
    """
    folder = _partial_path(output)
    with output_lock(output, option), ExitStack() as undo:
        _remove_abandoned_folders(output)
        undo.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.mkdir()
        yield folder


def is_replaceable(folder: Path, ours: frozenset[str]) -> bool:
    """Whether nothing is at `folder`, or a folder that holds nothing but files of these names."""
    if folder.is_symlink() or not folder.is_dir():
        return not folder.is_symlink() and not folder.exists()
    return {path.name for path in folder.iterdir()} <= ours


def put_in_place(folder: Path, output: Path) -> None:
    """Rename `folder`, a `folder_beside` it, to `output`; an older one there changes places with it, and is removed.

    Raises:
        OSError: it cannot be renamed; the older one is as it was.
    """
    if not output.exists():
        folder.rename(output)
        return
    try:
        exchange(folder, output)
    except NotImplementedError:
        _put_in_two_steps(folder, output)
    shutil.rmtree(folder, ignore_errors=True)


def exchange(one: Path, other: Path) -> None:
    """Swap two files or folders of one file system: renameat2(2), Linux 3.15 and glibc 2.28.

    Raises:
        NotImplementedError: the system or the file system cannot.
        OSError: one of the two is missing, or may not be renamed.
    """
    library = ctypes.CDLL(None, use_errno=True)
    if not hasattr(library, "renameat2"):
        raise NotImplementedError
    paths = (AT_FDCWD, os.fsencode(one), AT_FDCWD, os.fsencode(other))
    if library.renameat2(*paths, ctypes.c_uint(RENAME_EXCHANGE)) != 0:
        number = ctypes.get_errno()
        if number in {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP}:
            raise NotImplementedError
        raise OSError(number, os.strerror(number), str(other))


def _partial_path(output: Path) -> Path:
    """Where to fill the file or folder that is to become `output`; the name tells which process does."""
    return output.with_name(f".{output.name}.partial-{os.getpid()}-{secrets.token_hex(4)}")


@contextmanager
def _beside(path: Path, data: bytes) -> Iterator[Path]:
    partial = _partial_path(path)
    try:
        write_synced(partial, data)
        yield partial
    finally:
        with suppress(OSError):
            partial.unlink()


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's process
        return True
    return True


def _remove_abandoned_folders(output: Path) -> None:
    """Clean up after killed runs, as we hold the lock: bring back a folder that had stepped aside, remove the rest."""
    ours = re.compile(rf"\.{re.escape(output.name)}\.(partial|replaced)-[0-9]{{1,9}}-[0-9a-f]{{8}}")
    for path in list(output.parent.iterdir()):
        match = ours.fullmatch(path.name)
        if match is None:
            continue
        if match[1] == "replaced" and not output.exists():
            path.rename(output)
        else:
            shutil.rmtree(path, ignore_errors=True)


def _put_in_two_steps(folder: Path, output: Path) -> None:
    """Where two folders cannot change places: the older one steps aside, and comes back if that fails.

    A process that is killed between the two steps leaves no output; the next run brings the older one back.
    """
    aside = folder.with_name(folder.name.replace(".partial-", ".replaced-"))
    try:
        output.rename(aside)
        folder.rename(output)
    except BaseException:
        if not output.exists():
            aside.rename(output)
        shutil.rmtree(aside, ignore_errors=True)
        raise
    shutil.rmtree(aside, ignore_errors=True)
