"""Opens images wherever they are: recognises the layout, and finds what tells their classes."""

import re
from collections.abc import Sequence
from glob import glob
from itertools import pairwise
from pathlib import Path
from shlex import quote

from levit_edge.data.imagefolder import PARTS_OF_A_SET
from levit_edge.data.named_sets import or_a_set
from levit_edge.data.sources.archive import find_in_tars
from levit_edge.data.sources.devkit import read_devkit
from levit_edge.data.sources.folder import find_in_folder
from levit_edge.data.sources.found import Found, Labels, agreed
from levit_edge.data.sources.names import read_only
from levit_edge.data.sources.parquet import PARQUET_MAGIC, find_in_parquet
from levit_edge.data.sources.table import read_table
from levit_edge.data.sources.validation import are_validation_images, labels_beside
from levit_edge.data.tar import first_block, is_compressed, is_tar
from levit_edge.device.file_kinds import EXTENSIONS, is_hidden_path
from levit_edge.errors import DataError
from levit_edge.places import reason

__all__ = ["find_at", "labelled", "open_source", "require_source"]

TAR, PARQUET = ".tar", ".parquet"
SPLIT = re.compile(rf"(\w+(?=-\d+-of-\d+)|(?:{'|'.join(sorted(PARTS_OF_A_SET))})(?![a-z])).*\.parquet", re.ASCII)
"""Such as `train-00000-of-00014.parquet`, or `train.parquet`."""
RANGE = re.compile(r"\{(\d{1,9})\.\.(\d{1,9})\}", re.ASCII)
MOST_FILES = 100_000
KINDS = "a folder of images, a tar file, or parquet files"


def require_source(source: Path) -> None:
    """Refuse, before any image is looked for, what is not there, or a file of no known kind.

    Raises:
        DataError: it is so.
    """
    if not source.is_dir():
        _are_parquet(_files_at(source))


def open_source(
    source: Path, *, labels: Path | None = None, only: Path | None = None, devkit: Path | None = None
) -> Found:
    """The images at `source`, and what tells their classes.

    Args:
        source: a folder of images, with class folders or not; a tar file; a folder or a glob pattern of parquet files
            or of tar files.
        labels: a table of files and classes: see `levit_edge.data.sources.table`.
        only: a list of the images to take, one on each line.
        devkit: the development kit of ILSVRC 2012; without it, one that lies beside validation images is taken.

    Raises:
        DataError: there is nothing, it is damaged or of no known layout, or two things that tell the images' classes
            contradict each other; both are named.
    """
    return labelled(find_at(source), source, labels=labels, only=only, devkit=devkit)


def find_at(source: Path) -> Found:
    """The images at `source`, with the classes that they are found with.

    Raises:
        DataError: there is nothing, or it is damaged or of no known layout.
    """
    return _in_folder(source) if source.is_dir() else _in_files(str(source), _files_at(source))


def labelled(
    found: Found, source: Path, *, labels: Path | None = None, only: Path | None = None, devkit: Path | None = None
) -> Found:
    """Those of the images `found` at `source` that are to be taken, and what tells their classes; see `open_source`.

    Raises:
        DataError: what tells them is damaged, or two things that do contradict each other.
    """
    if only is not None:
        found = found.select(read_only(only, found.names, found.source))
    return found.with_labels(_labels(source, found, labels, devkit, complete=only is None))


def _labels(source: Path, found: Found, table: Path | None, devkit: Path | None, *, complete: bool) -> Labels | None:
    """Those of the source itself, of the kit and of the table; the last one counts, if they agree."""
    told = [] if found.labels is None else [found.labels]
    if devkit is not None:
        told.append(read_devkit(devkit).labels(found.names))
    if table is not None:
        told.append(read_table(table).labels(found.names, found.source, complete=complete))
    if not told and are_validation_images(found.names):
        return labels_beside(source, found.names, found.source)
    for first, second in pairwise(told):
        agreed(found.names, first, second)
    return told[-1] if told else None


def _files_at(source: Path) -> list[Path]:
    return [source] if source.exists() else _matches(source)


def _in_folder(folder: Path) -> Found:
    """Images; or where there are none but tar files or parquet files, those in them."""
    try:
        entries = sorted(path for path in folder.iterdir() if not is_hidden_path(path.name))
    except OSError as error:
        raise DataError(f"{folder}: {reason(error)}; expected {KINDS} that can be read") from error
    archives = [path for path in entries if path.suffix in {TAR, PARQUET}]
    if not archives or any(path.is_dir() or path.suffix.lower() in EXTENSIONS for path in entries):
        return find_in_folder(str(folder), folder)
    if not _are_parquet(archives):
        return find_in_tars(str(folder), archives, one_set=False)
    splits = sorted({match[1] for path in archives if (match := SPLIT.fullmatch(path.name))})
    if len(splits) > 1:
        raise DataError(f"{folder}: it holds {' and '.join(splits)}: give one, such as '{folder}/{splits[0]}*.parquet'")
    return find_in_parquet(str(folder), archives)


def _in_files(source: str, paths: Sequence[Path]) -> Found:
    """The images in files of one kind."""
    return (find_in_parquet if _are_parquet(paths) else find_in_tars)(source, paths)


def _are_parquet(paths: Sequence[Path]) -> bool:
    """Whether these are parquet files, and not tar files.

    Raises:
        DataError: they are neither.
    """
    starts = [(path, first_block(path)) for path in paths]
    if all(start.startswith(PARQUET_MAGIC) for _, start in starts):
        return True
    for path, start in starts:
        compressor = is_compressed(start)
        if compressor is not None:
            folder = quote(path.name.split(".")[0])
            raise DataError(
                f"{path}: it is compressed ({compressor}), and images are read from where they lie. Unpack it:"
                f" mkdir {folder} && tar -xf {quote(str(path))} -C {folder}"
            )
        if not is_tar(start):
            what = "a zip file: unpack it" if start.startswith(b"PK") else "neither"
            raise DataError(f"{path}: expected {KINDS}; it is {what}")
    return False


def _matches(pattern: Path) -> list[Path]:
    """The files that a glob pattern or a range such as `{000..049}` stands for.

    Raises:
        DataError: there are none, or one of a range is missing.
    """
    found: list[str] = []
    for each in _in_range(str(pattern)):
        matches = sorted(glob(each))  # noqa: PTH207 - the pattern may be absolute
        if not matches:
            raise DataError(f"{each} does not exist; expected {KINDS}; {or_a_set()}")
        found += matches
    return [Path(each) for each in found]


def _in_range(pattern: str) -> list[str]:
    """`pattern` with each number of its range in place of it, as long as the first; itself if it has none."""
    match = RANGE.search(pattern)
    if match is None:
        return [pattern]
    first, last = int(match[1]), int(match[2])
    if not first <= last < first + MOST_FILES:
        raise DataError(f"{pattern}: expected a range of at most {MOST_FILES:,} numbers, such as {{000..049}}")
    return [
        f"{pattern[: match.start()]}{each:0{len(match[1])}}{pattern[match.end() :]}" for each in range(first, last + 1)
    ]
