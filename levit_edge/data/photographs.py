"""Which photographs the words of a command line stand for: files, folders, patterns, archives and standard input."""

import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from glob import glob, has_magic
from pathlib import Path
from typing import BinaryIO

from levit_edge.data.file_kinds import head_of, passed_over_words, unread_kind
from levit_edge.data.imagefolder import images_under
from levit_edge.data.locations import MOST_IMAGE_BYTES, Given, Location, check_header_at
from levit_edge.errors import DataError
from levit_edge.places import found_at, unreadable
from levit_edge.text import faults

__all__ = ["STANDARD_INPUT", "Photographs", "find_photographs", "listed_names"]

STANDARD_INPUT = "-"
ARCHIVES = (".tar", ".parquet")
MOST_LIST_BYTES = 256 << 20
"""Of a list of names: a million have 40 MB."""


@dataclass(frozen=True, kw_only=True)
class Photographs:
    """What was found."""

    images: tuple[Location, ...]
    """In the order of the words; those of a folder in that of `levit_edge.data.imagefolder.images_under`."""
    passed_over: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By the word: how many files of its folder or pattern are no images that are read, by what they are."""


def find_photographs(words: Sequence[str], *, skip: bool = False, stdin: BinaryIO | None = None) -> Photographs:
    """The photographs that `words` stand for.

    A word is a file; a folder, of which all images are taken however deep they lie; a tar or parquet file of images, or
    a folder of such; a pattern such as `2026/**/*.jpg`, if no file is called so; or `-`, a photograph's bytes on
    `stdin`. With `skip` a file that does not exist is left for the decoder to name.

    Raises:
        DataError: words stand for nothing; they are named, with the files that can be seen to be no photograph.
    """
    if words.count(STANDARD_INPUT) > 1:
        raise DataError(f"{STANDARD_INPUT} is given twice: standard input can be read once.")
    found = [_found(word, stdin, skip=skip) for word in words]
    if any(isinstance(each, str) for each in found):
        bad = [fault for each in found if (fault := each if isinstance(each, str) else _damage(each))]
        raise DataError(faults(bad, len(words), "photograph", "cannot be read"))
    good = [each for each in found if isinstance(each, Photographs)]
    return Photographs(
        images=tuple(image for each in good for image in each.images),
        passed_over={word: counts for each in good for word, counts in each.passed_over.items()},
    )


def listed_names(file: Path, stdin: BinaryIO | None = None) -> list[str]:
    """The names in a list, one a line, or each ended by a null character, as `find -print0` writes them.

    `file` is `-` for `stdin`. Empty lines are none.

    Raises:
        DataError: it cannot be read, or has no names.
    """
    content = _read(stdin, MOST_LIST_BYTES, "a list") if str(file) == STANDARD_INPUT else _list_bytes(file)
    lines = content.split(b"\0") if b"\0" in content else content.removeprefix(b"\xef\xbb\xbf").splitlines()
    names = [os.fsdecode(line) for line in lines if line.strip()]
    if not names:
        raise DataError(f"{_called(file)}: there are no names in it; expected a photograph on each line.")
    return names


def _found(word: str, stdin: BinaryIO | None, *, skip: bool) -> Photographs | str:
    """What a word stands for, or why it stands for nothing."""
    try:
        if word == STANDARD_INPUT:
            return Photographs(images=(Given(_read(stdin, MOST_IMAGE_BYTES, "a photograph"), "standard input"),))
        return _at(Path(word), skip=skip)
    except DataError as error:
        return str(error)


def _at(path: Path, *, skip: bool) -> Photographs:
    there = found_at(path)
    if there == "is a folder":
        return _in_folder(path)
    if there == "does not exist" and has_magic(str(path)):
        return _matching(str(path))
    if there == "is a file" and path.suffix.lower() in ARCHIVES:
        return _in_archive(path)
    if there == "is a file" or (skip and there == "does not exist"):
        return Photographs(images=(path,))
    raise DataError(f"{path} {there}; expected a photograph.")


def _in_folder(folder: Path) -> Photographs:
    names, passed_over = images_under(folder)
    if names:
        counts = {str(folder): passed_over} if passed_over else {}
        return Photographs(images=tuple(folder / name for name in names), passed_over=counts)
    if {"archive", "parquet"} & set(passed_over):
        return _in_archive(folder)
    told = f" ({passed_over_words(passed_over)})" if passed_over else ""
    raise DataError(f"{folder}: no photographs in it{told}")


def _in_archive(path: Path) -> Photographs:
    from levit_edge.data.sources.open import find_at

    return Photographs(images=find_at(path).images)


def _matching(pattern: str) -> Photographs:
    """The images among the files that match, and in the folders that do; each once, in the order of their paths."""
    images, passed_over = list[Location](), Counter[str]()
    for path in map(Path, sorted(glob(pattern, recursive=True))):  # noqa: PTH207 - the pattern may be absolute
        if path.is_dir():
            if "**" in pattern:  # its files match themselves
                continue
            names, counts = images_under(path)
            images += [path / name for name in names]
            passed_over.update(counts)
        elif (kind := unread_kind(path.as_posix(), lambda _path: head_of(path))) is None:  # noqa: B023 - asked at once
            images.append(path)
        else:
            passed_over[kind] += 1
    if not images:
        told = f" but {passed_over_words(passed_over)}" if passed_over else ""
        raise DataError(f"{pattern} does not exist, and as a pattern it matches no photograph{told}.")
    return Photographs(images=tuple(images), passed_over={pattern: passed_over} if passed_over else {})


def _damage(found: Photographs) -> str | None:
    """What can be seen to be wrong with a photograph that was named by itself."""
    if len(found.images) != 1:
        return None
    try:
        check_header_at(found.images[0])
    except DataError as error:
        return str(error)
    return None


def _read(stdin: BinaryIO | None, most: int, what: str) -> bytes:
    stream = stdin or sys.stdin.buffer
    if stream.isatty():
        raise DataError(f"standard input is the terminal: {STANDARD_INPUT} expects {what} from a pipe or a file.")
    content = stream.read(most + 1)
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


def _called(file: Path) -> str:
    return "standard input" if str(file) == STANDARD_INPUT else str(file)
