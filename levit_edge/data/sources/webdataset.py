"""The labels of WebDataset samples (https://github.com/webdataset/webdataset): files side by side that share a name.

The members of a sample share their name up to the first full stop of its last part; one of them is the image, and
another, `.cls` or `.json`, has the label.
"""

import re
from collections.abc import Iterable, Mapping

from levit_edge.data.locations import Span, read_bytes
from levit_edge.documents import parse_json
from levit_edge.errors import DataError

__all__ = ["LABEL_ENDINGS", "WEBDATASETS_OWN", "sample_labels", "sample_name", "written_label"]

MOST_LABEL_BYTES = 2**20
WEBDATASETS_OWN = re.compile(r"__[^/]*__($|/)")
"""Folders and files of the library's own, no samples."""
LABEL_ENDINGS = frozenset({".cls", ".json"})


def sample_labels(shard: str, images: Iterable[str], notes: Mapping[str, Span]) -> list[int | None]:
    """The label of each of `images`, the number of a class, by the `notes`, files that may have it; None without.

    Raises:
        DataError: an image shares its sample with another, or its label is no number.
    """
    of_sample: dict[str, dict[str, Span]] = {}
    for name, span in notes.items():
        sample, ending = sample_name(name)
        of_sample.setdefault(sample, {})[ending] = span
    found: list[int | None] = []
    samples = set()
    for name in images:
        sample, _ = sample_name(name)
        what = f"{shard}: {sample}"
        if sample in samples:
            raise DataError(f"{what}: several images, expected one for each sample")
        samples.add(sample)
        beside = {ending: _read(span) for ending, span in of_sample.get(sample, {}).items()}
        found.append(written_label(what, beside))
    return found


def sample_name(name: str) -> tuple[str, str]:
    """The name of the sample that the file `name` belongs to, and the file's ending in lower case."""
    folder, slash, last = name.rpartition("/")
    stem, _, ending = last.partition(".")
    return f"{folder}{slash}{stem}", ending.lower()


def written_label(what: str, notes: Mapping[str, bytes]) -> int | None:
    """The label that the files of a sample hold, by their endings; None if none does.

    Raises:
        DataError: it is not the number of a class.
    """
    if "cls" in notes:
        text = notes["cls"].strip()
        if not re.fullmatch(rb"[0-9]{1,9}", text):
            raise DataError(f"{what}: its .cls holds {text[:40]!r}, expected the number of a class")
        return int(text)
    if "json" not in notes:
        return None
    found = parse_json(notes["json"], DataError, f"{what}.json")
    label = next((found[key] for key in ("label", "cls") if key in found), None) if isinstance(found, dict) else None
    if label is not None and (type(label) is not int or label < 0):
        raise DataError(f"{what}: its .json has the label {str(label)[:40]!r}, expected the number of a class")
    return label


def _read(note: Span) -> bytes:
    if note.size > MOST_LABEL_BYTES:
        raise DataError(f"{note}: {note.size:,} bytes, expected a label")
    return read_bytes(note)
