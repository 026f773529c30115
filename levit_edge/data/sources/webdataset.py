"""The labels of WebDataset samples (https://github.com/webdataset/webdataset): files that share a name.

The members of a sample share their name up to the first full stop of its last part; one of them is the image, and
another, `.cls` or `.json`, has the label. Where in the tar file they lie does not matter: the library writes them side
by side, and `tar` of a folder sorted otherwise does not.
"""

import re
from collections.abc import Callable, Iterable, Mapping

from levit_edge.documents import parse_json
from levit_edge.errors import DataError

__all__ = [
    "LABEL_ENDINGS",
    "MOST_LABEL_BYTES",
    "Note",
    "are_labelled",
    "sample_images",
    "sample_labels",
    "sample_name",
    "written_label",
]

MOST_LABEL_BYTES = 2**20
OWN = re.compile(r"__[^/]*__($|/)")
"""Folders and files of the library's own, no samples; elsewhere `__background__` is a class."""
LABEL_ENDINGS = frozenset({".cls", ".json"})
Note = Callable[[], int | None]
"""What a file says that may have a label: the label, or None; it raises a DataError if what it says is none."""


def are_labelled(images: Iterable[str], notes: Iterable[str]) -> bool:
    """Whether one of the files `notes`, which may have labels, belongs to one of the `images`."""
    samples = {sample_name(name)[0] for name in notes}
    return any(sample_name(name)[0] in samples for name in images if not OWN.match(name))


def sample_images(images: Iterable[str]) -> list[str]:
    """The images of labelled samples: not the library's own, and no companions of others, as `1.seg.png` of `1.jpg`."""
    parts = {name: sample_name(name) for name in images if not OWN.match(name)}
    whole = {sample for sample, ending in parts.values() if "." not in ending}
    return [name for name, (sample, ending) in parts.items() if "." not in ending or sample not in whole]


def sample_labels(shard: str, images: Iterable[str], notes: Mapping[str, Note]) -> list[int | None]:
    """The label of each of `images`, the number of a class, by the `notes`, files that may have it; None without.

    Raises:
        DataError: an image shares its sample with another, or its label is no number.
    """
    of_sample: dict[str, dict[str, Note]] = {}
    for name, note in notes.items():
        sample, ending = sample_name(name)
        of_sample.setdefault(sample, {})[ending] = note
    found: list[int | None] = []
    samples = set()
    for name in images:
        sample, _ = sample_name(name)
        if sample in samples:
            raise DataError(f"{shard}: {sample}: several images, expected one for each sample")
        samples.add(sample)
        beside = of_sample.get(sample, {})
        told_by = beside.get("cls") or beside.get("json")
        found.append(None if told_by is None else told_by())
    return found


def sample_name(name: str) -> tuple[str, str]:
    """The name of the sample that the file `name` belongs to, and the file's ending in lower case."""
    folder, slash, last = name.rpartition("/")
    stem, _, ending = last.partition(".")
    return f"{folder}{slash}{stem}", ending.lower()


def written_label(shard: str, name: str, content: bytes) -> int | None:
    """The label that the file `name` of a sample holds, by its ending; None if it holds none.

    Raises:
        DataError: it is not the number of a class.
    """
    sample, ending = sample_name(name)
    what = f"{shard}: {sample}"
    if ending == "cls":
        text = content.strip()
        if not re.fullmatch(rb"[0-9]{1,9}", text):
            raise DataError(f"{what}: its .cls holds {text[:40]!r}, expected the number of a class")
        return int(text)
    if ending != "json":
        return None
    found = parse_json(content, DataError, f"{what}.json")
    label = next((found[key] for key in ("label", "cls") if key in found), None) if isinstance(found, dict) else None
    if label is not None and (type(label) is not int or label < 0):
        raise DataError(f"{what}: its .json has the label {str(label)[:40]!r}, expected the number of a class")
    return label
