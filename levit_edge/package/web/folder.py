"""A page's files in a folder, for a static host: put there, and read again."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from levit_edge.errors import OutputError, PackageError
from levit_edge.package.archive import MAX_FILES, MAX_PACKAGE_BYTES
from levit_edge.package.contents import DOCUMENT_FILE, Purpose, expected_files
from levit_edge.package.web.page import FOLDER, INDEX, document_hash, own_folder
from levit_edge.places import found_at, unreadable
from levit_edge.system.atomic import folder_beside, is_replaceable, put_in_place, require_folder, write_synced
from levit_edge.system.signals import interrupts_wait
from levit_edge.text import counted

__all__ = ["is_page_folder", "own_page_folder", "put_folder", "read_folder", "require_replaceable_folder"]

OWN = frozenset({INDEX, "page.css", "page.js", "_headers", FOLDER})


def require_replaceable_folder(folder: Path) -> None:
    """Refuse a folder that holds anything that we did not put there, or that cannot be made.

    Raises:
        OutputError: it does, or cannot be written.
    """
    require_folder(folder, "--output")
    if Path.cwd().is_relative_to(folder.resolve()):
        raise OutputError(
            f"{folder} is where you are, or above, and a page's folder is replaced as a whole: choose another --output."
        )
    own = OWN if (folder / FOLDER / DOCUMENT_FILE).exists() else frozenset[str]()
    inside = expected_files(Purpose.WEB, second=True) | {DOCUMENT_FILE}
    if not (is_replaceable(folder, own) and is_replaceable(folder / FOLDER, inside)):
        raise OutputError(
            f"{folder} exists and is not a page made by levit-edge, or holds other files too: nothing was written."
            " Choose another --output."
        )


def is_page_folder(path: Path) -> bool:
    """Whether it is the folder of a page, as far as its files' names tell."""
    return (path / FOLDER / DOCUMENT_FILE).is_file() and (path / INDEX).is_file()


def read_folder(folder: Path) -> dict[str, bytes]:
    """The files of the package in a page's folder, by name.

    Raises:
        PackageError: they cannot be read, are more than a package may have, or of another page.
    """
    files: dict[str, bytes] = {}
    left = MAX_PACKAGE_BYTES
    for path in _inside(folder / FOLDER):
        files[path.name] = _read(path, left)
        left -= len(files[path.name])
    stated, found = (
        document_hash(_read(folder / INDEX, left)),
        hashlib.sha256(files.get(DOCUMENT_FILE, b"")).hexdigest(),
    )
    if stated != found:
        raise PackageError(
            f"{folder / FOLDER / DOCUMENT_FILE} is damaged or was changed: SHA-256 {found[:16]}…; {INDEX} says"
            f" {'none' if stated is None else f'{stated[:16]}…'}. Make or fetch the folder again."
        )
    return files


def own_page_folder(folder: Path) -> bool:
    """Whether a page's folder is one that this levit-edge writes, but for its title, its package and `_headers`.

    Raises:
        PackageError: it cannot be read.
    """
    return own_folder(lambda name: _read(folder / name, MAX_PACKAGE_BYTES))


def _inside(folder: Path) -> list[Path]:
    try:
        found = sorted(folder.iterdir())
    except OSError as error:
        raise PackageError(f"{folder} {unreadable(error)}.") from error
    if len(found) > MAX_FILES:
        raise PackageError(f"{folder} has {counted(len(found), 'file')}, expected at most {MAX_FILES}.")
    return found


def _read(path: Path, most: int) -> bytes:
    try:
        if not path.is_file():
            raise PackageError(f"{path} {found_at(path)}, expected a file of a page made by `levit-edge package`.")
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise PackageError(f"{path} {unreadable(error)}.") from error
    if len(data) > most:
        raise PackageError(f"{path} makes its page larger than {MAX_PACKAGE_BYTES:,} bytes, expected fewer.")
    return data


def put_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write `files`, by their paths in the folder; an older page there stays if that fails.

    Raises:
        OutputError: see `require_replaceable_folder`.
    """
    require_replaceable_folder(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folder_beside(folder, "--output") as partial:
            (partial / FOLDER).mkdir()
            for name, content in files.items():
                write_synced(partial / name, content)
            with interrupts_wait():
                put_in_place(partial, folder)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written: {error.strerror}. What was there is left as it was.") from error
