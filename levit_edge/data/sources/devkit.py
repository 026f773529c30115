"""The development kit of ILSVRC 2012: the classes of the 50,000 validation images, in the kit's own numbering.

`data/ILSVRC2012_validation_ground_truth.txt` has an ILSVRC2012_ID from 1 to 1,000 for each validation image in order,
and `data/meta.mat` the WordNet id of each ILSVRC2012_ID. That order is not the one of WordNet ids, in which models have
their outputs. The kit may be the `.tar.gz` as it is published, or its folder.
"""

import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from levit_edge.data.imagenet import synsets as imagenet_synsets
from levit_edge.data.sources.found import LabelKind, Labels
from levit_edge.data.sources.matlab import Value, read_structures
from levit_edge.data.tar import StrictHeader, tar_faults
from levit_edge.errors import DataError
from levit_edge.text import counted, listed

__all__ = ["VALIDATION_IMAGE", "Devkit", "find_devkit", "read_devkit"]

VALIDATION_IMAGE = re.compile(r"ILSVRC2012_val_(\d{8})(?:\.jpe?g)?", re.IGNORECASE | re.ASCII)
"""The name of a validation image, with its number from 1."""
META, TRUTH = "meta.mat", "ILSVRC2012_validation_ground_truth.txt"
OTHER_YEARS = re.compile(r"ILSVRC(?!2012)(\d{4})_\w*ground_truth\.txt|meta_(clsloc|det)\.mat")
IMAGES, CLASSES = 50_000, 1000
MOST_BYTES = 16 << 20
MOST_ARCHIVE_BYTES = 64 << 20
NAMES = ("ILSVRC2012_devkit_t12.tar.gz", "ILSVRC2012_devkit_t12")
WHAT = f"the development kit of ILSVRC 2012, {NAMES[0]} or its folder"


@dataclass(frozen=True, kw_only=True)
class Devkit:
    """What a development kit says."""

    path: Path
    wordnet_ids: tuple[str, ...]
    """Of each validation image in order."""

    def labels(self, names: Sequence[str]) -> Labels:
        """The classes of validation images by their names.

        Raises:
            DataError: one is not the name of a validation image, or its number is too large.
        """
        found = []
        for name in names:
            match = VALIDATION_IMAGE.fullmatch(name.rpartition("/")[2])
            if match is None:
                raise DataError(
                    f"{name} is not named like an image of the validation set (ILSVRC2012_val_00000001.JPEG), so that"
                    f" {self.path} cannot tell its class"
                )
            number = int(match[1])
            if not 1 <= number <= len(self.wordnet_ids):
                raise DataError(
                    f"{name} is number {number}, but {self.path} has {counted(len(self.wordnet_ids), 'image')}"
                )
            found.append(self.wordnet_ids[number - 1])
        return Labels(kind=LabelKind.WORDNET_IDS, of_images=tuple(found), classes=None, told_by=str(self.path))


def find_devkit(folder: Path) -> Path | None:
    """The development kit that lies in `folder`, packed or not."""
    return next((folder / name for name in NAMES if (folder / name).exists()), None)


def read_devkit(path: Path) -> Devkit:
    """The development kit at `path`, a folder or a tar file, compressed or not.

    Raises:
        DataError: it is none, it is another year's, or it is damaged.
    """
    found, others = dict.fromkeys((META, TRUTH), b""), []
    for name, content in _from_folder(path) if path.is_dir() else _from_tar(path):
        if name in found:
            found[name] = content
        elif OTHER_YEARS.fullmatch(name):
            others.append(name)
    missing = [name for name, content in found.items() if not content]
    if missing:
        instead = f"it is another year's: it holds {listed(others, 3)}, and " if others else ""
        raise DataError(f"{path}: {instead}data/{' and data/'.join(missing)} is missing; expected {WHAT}")
    of_number = _wordnet_ids(path, found[META])
    return Devkit(path=path, wordnet_ids=tuple(of_number[n] for n in _truth(path, found[TRUTH], of_number)))


def _wordnet_ids(path: Path, meta: bytes) -> dict[int, str]:
    """The WordNet id of each ILSVRC2012_ID from 1 to 1,000; the larger ones are of groups of classes."""
    try:
        entries = read_structures(meta, "synsets")
    except DataError as error:
        raise DataError(f"{path}: {META}: {error}") from error
    found = {}
    for entry in entries:
        number, name = _number(entry.get("ILSVRC2012_ID")), entry.get("WNID")
        if _number(entry.get("num_children")) == 0 and isinstance(name, str) and number is not None:
            found[number] = name
    expected = set(imagenet_synsets())
    if set(found) == set(range(1, CLASSES + 1)) and set(found.values()) == expected:
        return found
    strangers = sorted(set(found.values()) - expected)
    raise DataError(
        f"{path}: {META} has {counted(len(found), 'class')}"
        + (f", {len(strangers):,} of which are not ImageNet-1k's ({listed(strangers, 3)})" if strangers else "")
        + f", expected ImageNet-1k's {CLASSES:,}, numbered from 1: is it {WHAT}?"
    )


def _truth(path: Path, text: bytes, of_number: dict[int, str]) -> list[int]:
    lines = text.split()
    if len(lines) != IMAGES:
        raise DataError(
            f"{path}: {TRUTH} has {counted(len(lines), 'line')}, expected one for each of {counted(IMAGES, 'image')}"
        )
    for place, line in enumerate(lines, 1):
        if not (line.isdigit() and len(line) < 10 and int(line) in of_number):
            raise DataError(f"{path}: {TRUTH}: line {place} is {line[:20]!r}, expected a number from 1 to {CLASSES:,}")
    return [int(line) for line in lines]


def _number(value: Value) -> int | None:
    return int(value[0]) if isinstance(value, tuple) and len(value) == 1 and value[0] == value[0] // 1 else None


def _from_folder(path: Path) -> Iterator[tuple[str, bytes]]:
    """The names of the files, and the contents of the two that are wanted."""
    folder = path / "data" if (path / "data").is_dir() else path
    with tar_faults(path):
        for each in folder.iterdir():
            if each.name not in {META, TRUTH}:
                yield each.name, b""
                continue
            with each.open("rb") as file:
                yield each.name, file.read(MOST_BYTES)


def _from_tar(path: Path) -> Iterator[tuple[str, bytes]]:
    """As `_from_folder`; no file is written anywhere."""
    with tar_faults(path), tarfile.open(path, tarinfo=StrictHeader) as archive:
        for member in archive:
            if member.size > MOST_BYTES or archive.offset > MOST_ARCHIVE_BYTES:
                raise DataError(f"{path}: it is larger than {WHAT} is")
            name = member.name.rpartition("/")[2]
            wanted = name in {META, TRUTH} and member.isreg() and not member.issparse()
            file = archive.extractfile(member) if wanted else None
            yield name, b"" if file is None else file.read()
