"""The classes of ImageNet's validation images, which are no part of their names: from what lies beside the images.

That is the development kit (`levit_edge.data.sources.devkit`), or `LOC_val_solution.csv` of Kaggle's copy, whose images
are in `ILSVRC/Data/CLS-LOC/val`, four folders below it.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from levit_edge.data.sources.devkit import VALIDATION_IMAGE, find_devkit, read_devkit
from levit_edge.data.sources.found import Labels
from levit_edge.data.sources.table import read_table

__all__ = ["are_validation_images", "labels_beside"]

KAGGLES_TABLE = "LOC_val_solution.csv"
FOLDERS_UP = 5


def are_validation_images(names: Sequence[str]) -> bool:
    """Whether most are called as the images of the validation set are: a stranger is then refused by name."""
    return 2 * sum(VALIDATION_IMAGE.fullmatch(name.rpartition("/")[2]) is not None for name in names) > len(names)


def labels_beside(path: Path, names: Sequence[str], source: str) -> Labels | None:
    """The classes of validation images in the folder or file `path`; None if nothing tells them.

    Raises:
        DataError: what tells them is damaged or does not know an image.
    """
    for folder in _folders(path):
        if (folder / KAGGLES_TABLE).is_file():
            return read_table(folder / KAGGLES_TABLE).labels(names, source, complete=False)
    for folder in islice(_folders(path), 2):
        if (kit := find_devkit(folder)) is not None:
            return read_devkit(kit).labels(names)
    return None


def _folders(path: Path) -> Iterator[Path]:
    """`path`, if it is a folder, and those that it is in."""
    absolute = path.absolute()
    yield from islice(((absolute, *absolute.parents) if path.is_dir() else absolute.parents), FOLDERS_UP)
