"""Reads the user's `--classes`: what each output of a model is called, or which output each label stands for."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from levit_edge.errors import DataError
from levit_edge.places import unreadable
from levit_edge.text import listed

__all__ = ["ClassTable", "read_class_table"]

INDEX = re.compile("[0-9]{1,9}")
MAX_BYTES = 4 << 20
"""The 21,843 names of ImageNet-21k have 1 MB."""
SEPARATED = re.compile(r"(.*\S)\s*[,;\t]\s*([0-9]{1,9})")
"""A label and the index of its output."""
NUMBERED = re.compile(r"([0-9]{1,9})\s*[,;:\t ]\s*(\S.*)")
"""The index of an output and its name."""


@dataclass(frozen=True, kw_only=True)
class ClassTable:
    """What the table says: `names` or `index`, and the other is None."""

    path: Path
    names: tuple[str, ...] | None = None
    """The name of each output, in order."""
    index: Mapping[str, int] | None = None
    """The output of each label, from 0."""


def read_class_table(path: Path) -> ClassTable:
    """Read a table of classes: text, or JSON where the file is called so.

    Text is a name a line, for each output in order; or on every line a label, a comma, semicolon or tab, and the
    index of its output from 0; or the index first, and the name behind it. JSON is a list of names; an object from
    labels to indices, as torchvision's `class_to_idx`; or one from indices to names, as Transformers' `id2label`.
    Empty lines are passed over, and so is a first line `label,index` in any words.

    Raises:
        DataError: it cannot be read, is empty, too large or neither of these, or says something twice.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path} {unreadable(error)}; expected a file of class names for --classes.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a text file in UTF-8; expected a class name on each line.") from error
    if len(content) > MAX_BYTES:
        raise DataError(f"{path}: more than {MAX_BYTES >> 20} MiB: not a table of classes.")
    table = _from_json(path, text) if path.suffix.lower() == ".json" else _from_lines(path, text)
    if not table.names and not table.index:
        raise DataError(f"{path}: no classes in it; expected a class name on each line.")
    return table


def _from_lines(path: Path, text: str) -> ClassTable:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    rows = [SEPARATED.fullmatch(line) for line in lines]
    if len(rows) > 1 and rows[0] is None and all(rows[1:]) and len(re.split(r"[,;\t]", lines[0])) == 2:
        rows = rows[1:]  # behind a header
    matched = [row for row in rows if row is not None]
    if matched and len(matched) == len(rows):
        return _index(path, ((_unquoted(row[1]), int(row[2])) for row in matched))
    if numbered := _numbered(lines):
        return _names(path, numbered)
    if len(matched) > len(rows) / 2:
        odd = [line for line, row in zip(lines, rows, strict=False) if row is None]
        raise DataError(f"{path}: most lines are a label and an index, but not {listed(odd, 3)}.")
    return _names(path, lines)


def _numbered(lines: Sequence[str]) -> list[str] | None:
    """The names in the order of the indices in front of them, where each line but a first one has its own."""
    for rows in ([NUMBERED.fullmatch(line) for line in lines], [NUMBERED.fullmatch(line) for line in lines[1:]]):
        found = {int(row[1]): _unquoted(row[2]) for row in rows if row is not None}
        if len(rows) > 1 and sorted(found) == list(range(len(rows))):
            return [found[place] for place in range(len(rows))]
    return None


def _from_json(path: Path, text: str) -> ClassTable:
    try:
        content = json.loads(text, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON: {error}.") from error
    if isinstance(content, list) and all(isinstance(name, str) for name in content) and not isinstance(content, _Pairs):
        return _names(path, content)
    if isinstance(content, _Pairs):
        if all(isinstance(value, int) and not isinstance(value, bool) and value >= 0 for _, value in content):
            return _index(path, content)
        named = {int(key): value for key, value in content if INDEX.fullmatch(key) and isinstance(value, str)}
        if sorted(named) == list(range(len(content))):
            return _names(path, (named[place] for place in range(len(content))))
    raise DataError(
        f"{path}: expected a JSON list of class names, an object from labels to indices, or one from the indices 0, 1, "
        "2, … to names."
    )


def _unquoted(label: str) -> str:
    """A field of a CSV file as it was before it was quoted."""
    return label[1:-1].replace('""', '"') if re.fullmatch('".*"', label) else label


class _Pairs(list[tuple[str, object]]):
    """A JSON object's members, those that stand twice too."""


def _names(path: Path, names: Iterable[str]) -> ClassTable:
    return ClassTable(path=path, names=tuple(" ".join(name.split()) for name in names))


def _index(path: Path, pairs: Iterable[tuple[str, object]]) -> ClassTable:
    index: dict[str, int] = {}
    for label, place in pairs:
        if label in index:
            raise DataError(f"{path}: {label!r} stands in it twice, as {index[label]} and as {place}.")
        if not isinstance(place, int):
            raise DataError(f"{path}: {label!r} has {place!r}, expected an index.")
        index[label] = place
    (doubled, times), *_ = Counter(index.values()).most_common(1) or [(0, 0)]
    if times > 1:
        both = [label for label, place in index.items() if place == doubled]
        raise DataError(f"{path}: {listed(both)} have the same index, {doubled}.")
    return ClassTable(path=path, index=index)
