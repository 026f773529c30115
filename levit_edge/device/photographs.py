"""Which photographs the words of a command line stand for: files, folders, patterns and standard input.

Runs with Python 3.9: packages for boards carry this file.
"""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from glob import has_magic
from pathlib import Path
from typing import Any, BinaryIO, Callable

from levit_edge.device.errors import DataError
from levit_edge.device.file_kinds import with_advice
from levit_edge.device.formats import HEAD_BYTES, image_format
from levit_edge.device.image import check_content, check_header
from levit_edge.device.image_files import images_under
from levit_edge.device.patterns import images_matching
from levit_edge.device.places import found_at, unreadable

STANDARD_INPUT = "-"
ARCHIVES = (".tar", ".parquet")
ARCHIVE_KINDS = {"archive", "parquet"}
MOST_IMAGE_BYTES = 256 * 2**20
"""A photograph that is larger is refused unread."""
MOST_LIST_BYTES = 256 << 20
"""Of a list of names: a million have 40 MB."""
Archive = Callable[[Path], Sequence[Any]]
"""The images in a tar or parquet file, or in a folder of such."""


@dataclass(frozen=True)
class Given:
    """The bytes of an image's file, which came from elsewhere than the file system."""

    content: bytes
    name: str
    """What the image is called, for messages."""

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Photographs:
    """What was found."""

    images: Sequence[Any]
    """Paths, `Given` ones, and what `archive` gives, in the order of the words."""
    passed_over: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By the word: how many files of its folder or pattern are no images that are read, by what they are."""
    bad: Sequence[str] = ()
    """Of words that stand for nothing, why; and then what can be seen of files that are no photographs, in order."""


def find_photographs(
    words: Sequence[str],
    *,
    skip: bool = False,
    stdin: BinaryIO | None = None,
    archive: Archive | None = None,
) -> Photographs:
    """The photographs that `words` stand for.

    A word is a file; a folder, of which all images are taken however deep they lie; a pattern such as `2026/**/*.jpg`,
    if no file is called so; `-`, a photograph's bytes on `stdin`; and with `archive` a tar or parquet file of images,
    or a folder of such. With `skip` a file that does not exist is left for the decoder to name.
    """
    twice = words.count(STANDARD_INPUT) > 1
    found = [_found(word, None if twice else stdin or sys.stdin.buffer, archive, skip=skip) for word in words]
    bad: list[str] = []
    if any(isinstance(each, str) for each in found):
        bad = [fault for each in found if (fault := each if isinstance(each, str) else _damage(each))]
    good = [each for each in found if isinstance(each, Photographs)]
    return Photographs(
        images=tuple(image for each in good for image in each.images),
        passed_over={word: counts for each in good for word, counts in each.passed_over.items()},
        bad=bad,
    )


def listed_names(file: Path, stdin: BinaryIO | None = None) -> list[str]:
    """The names in a list, one a line, or each ended by a null character, as `find -print0` writes them.

    `file` is `-` for `stdin`. Empty lines are none.

    Raises:
        DataError: it cannot be read, has no names, or is a photograph or in UTF-16.
    """
    from_stdin = str(file) == STANDARD_INPUT
    content = _read(stdin or sys.stdin.buffer, MOST_LIST_BYTES, "a list") if from_stdin else _list_bytes(file)
    called = "standard input" if from_stdin else str(file)
    if kind := image_format(content[:HEAD_BYTES]):
        raise DataError(f"{called}: {kind}, expected a list of photographs.")
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError(f"{called}: UTF-16, as some programs of Windows write it; save it as UTF-8.")
    lines = content.split(b"\0") if b"\0" in content else content.removeprefix(codecs.BOM_UTF8).splitlines()
    names = [os.fsdecode(line) for line in lines if line.strip()]
    if not names:
        raise DataError(f"{called}: there are no names in it; expected a photograph on each line.")
    return names


def _found(word: str, stdin: BinaryIO | None, archive: Archive | None, *, skip: bool) -> Photographs | str:
    """What a word stands for, or why it stands for nothing."""
    try:
        if not word:
            return "a word of the command line is empty: is a variable of the shell not set?"
        if word == STANDARD_INPUT and stdin is None:
            return f"{STANDARD_INPUT} is given twice: standard input can be read once."
        if word == STANDARD_INPUT:
            return Photographs((Given(_read(stdin, MOST_IMAGE_BYTES, "a photograph"), "standard input"),))
        return _at(Path(word), archive, skip=skip)
    except DataError as error:
        return str(error)


def _at(path: Path, archive: Archive | None, *, skip: bool) -> Photographs:
    there = found_at(path)
    if there == "is a folder":
        return _in_folder(path, archive)
    if there == "does not exist" and has_magic(str(path)):
        images, passed_over = images_matching(path)
        return Photographs(tuple(images), {str(path): passed_over} if passed_over else {})
    if there == "is a file" and archive is not None and path.suffix.lower() in ARCHIVES:
        return Photographs(archive(path))
    if there == "is a file" or (skip and there == "does not exist"):
        return Photographs((path,))
    raise DataError(f"{path} {there}; expected a photograph.")


def _in_folder(folder: Path, archive: Archive | None) -> Photographs:
    names, passed_over = images_under(folder)
    if names:
        counts = {str(folder): passed_over} if passed_over else {}
        return Photographs(tuple(folder / name for name in names), counts)
    if archive is not None and ARCHIVE_KINDS & set(passed_over):
        return Photographs(archive(folder))
    told = f" ({with_advice(passed_over)})" if passed_over else ""
    raise DataError(f"{folder}: no photographs in it{told}")


def _damage(found: Photographs) -> str | None:
    """What can be seen to be wrong with a photograph that was named by itself."""
    if len(found.images) != 1:
        return None
    (image,) = found.images
    try:
        if isinstance(image, Given):
            check_content(image.content, image.name)
        elif isinstance(image, Path):
            check_header(image)
    except DataError as error:
        return str(error)
    return None


def _read(stdin: BinaryIO | None, most: int, what: str) -> bytes:
    if stdin is None or stdin.isatty():
        raise DataError(f"standard input is the terminal: {STANDARD_INPUT} expects {what} from a pipe or a file.")
    content = stdin.read(most + 1)
    if len(content) > most:
        raise DataError(f"standard input: more than {most >> 20} MiB, expected {what}.")
    return content


def _list_bytes(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(MOST_LIST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise DataError(f"{file} {unreadable(error)}; expected a list of photographs.") from error
    if len(content) > MOST_LIST_BYTES:
        raise DataError(f"{file}: more than {MOST_LIST_BYTES >> 20} MiB, expected a list of photographs.")
    return content
