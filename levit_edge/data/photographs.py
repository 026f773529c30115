"""Which photographs the words of a command line stand for: as on a board, and those in tar and parquet files."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from levit_edge.data.locations import Location, Row, Span
from levit_edge.device.photographs import STANDARD_INPUT, Photographs, listed_names
from levit_edge.device.photographs import find_photographs as find_files
from levit_edge.errors import DataError
from levit_edge.text import faults

__all__ = ["STANDARD_INPUT", "Photographs", "files_of", "find_photographs", "listed_names"]


def find_photographs(words: Sequence[str], *, skip: bool = False, stdin: BinaryIO | None = None) -> Photographs:
    """The photographs that `words` stand for, see `levit_edge.device.photographs.find_photographs`; `Location`s.

    Raises:
        DataError: words stand for nothing; they are named, with the files that can be seen to be no photograph.
    """
    found = find_files(words, skip=skip, stdin=stdin, archive=_in_archive)
    if found.bad:
        raise DataError(faults(found.bad, len(words), "photograph", "cannot be read"))
    return found


def files_of(found: Photographs) -> Iterator[Path]:
    """The files that its photographs are read from."""
    for image in found.images:
        if isinstance(image, Path):
            yield image
        elif isinstance(image, Span | Row):
            yield image.archive if isinstance(image, Span) else image.file


def _in_archive(path: Path) -> Sequence[Location]:
    from levit_edge.data.sources.open import find_at

    return find_at(path).images
