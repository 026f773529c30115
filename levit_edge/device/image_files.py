"""The images in a folder, in an order that depends on their names only. Runs with Python 3.9: boards have this file."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NoReturn

from levit_edge.device.errors import DataError
from levit_edge.device.file_kinds import NOT_PLAIN, Head, head_of, is_hidden_path, unread_kind
from levit_edge.device.places import reason


def images_under(directory: Path) -> tuple[list[str], Mapping[str, int]]:
    """The paths in `directory` of all images in it, however deep and whatever lies beside; and what was passed over.

    Links to files are followed, and links right in `directory`; deeper links to folders are not, as they may lead in
    circles, and are counted. What is hidden or a system's own is passed over.

    Raises:
        DataError: no such folder.
    """
    files, _, links = files_in(directory)
    images, others = sorted_out(files, lambda path: head_of(directory / path), links)
    return in_order(images), others


def files_in(directory: Path) -> tuple[list[str], Mapping[str, Path], Mapping[str, int]]:
    """All files in `directory` by their paths in it, the folders right in it, and the links that were not followed.

    Raises:
        DataError: no such folder.
    """
    try:
        entries = [path for path in directory.iterdir() if not is_hidden_path(path.name)]
    except OSError as error:
        _refuse(error)
    folders = {path.name: path for path in entries if path.is_dir()}
    loose = [path.name for path in entries if path.name not in folders]
    links: Counter[str] = Counter()
    deeper = [f"{name}/{path}" for name, folder in folders.items() for path in _files_under(folder, links)]
    return [*loose, *deeper], folders, links


def sorted_out(
    files: Iterable[str], head: Head | None, passed_over: Mapping[str, int] | None = None
) -> tuple[list[str], Mapping[str, int]]:
    """The images among `files`, and how many others there are, by what they are; see `levit_edge.device.file_kinds`."""
    images, others = [], Counter(passed_over)
    for path in files:
        if is_hidden_path(path):
            continue
        kind = unread_kind(path, head)
        if kind is None:
            images.append(path)
        else:
            others[kind] += 1
    return images, +others


def in_order(images: Iterable[str]) -> list[str]:
    """By the folder that they are in, and then by path."""
    return sorted(images, key=lambda path: (path.partition("/")[0], path))


def _files_under(folder: Path, links: Counter[str]) -> list[str]:
    """The paths in `folder` of the files in it and below, but for folders that are hidden or a system's own.

    `links` counts the links to folders, which are not followed.
    """
    found = []
    for parent, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not is_hidden_path(name)]
        links[NOT_PLAIN] += sum(Path(parent, name).is_symlink() for name in folders)
        found += [Path(parent, name).relative_to(folder).as_posix() for name in files]
    return found


def _refuse(error: OSError) -> NoReturn:
    raise DataError(f"{error.filename}: {reason(error)}; expected a folder of images that can be read") from error
