"""Reads the user's `--classes`: what each output of a model is called, or which output each label stands for."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

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
WORDNET_ID = re.compile(r"n[0-9]{8}")
DESCRIBED = re.compile(r'"?(n[0-9]{8})"?\s*[,;:\t ]\s*(\S.*)')
"""A WordNet id and what it is called, as in Kaggle's `LOC_synset_mapping.txt` and Caffe's `synset_words.txt`."""
IN_PYTHON = re.compile(r"""\{?\s*([0-9]{1,9})\s*:\s*(['"])(.*)\2\s*[,}]*""")
"""A line of a Python dict from indices to names."""
ESCAPED = re.compile(r"\\(?=['\"\\])")
Described = tuple[str, str]


@dataclass(frozen=True, kw_only=True)
class ClassTable:
    """What the table says: `names` or `index`, and the other is None."""

    path: Path
    names: tuple[str, ...] | None = None
    """The name of each output, in order."""
    index: Mapping[str, int] | None = None
    """The output of each label, from 0."""
    wordnet_ids: tuple[str, ...] | None = None
    """Of each output, where they stand beside the names."""


def read_class_table(path: Path) -> ClassTable:
    """Read a table of classes: text or JSON, whatever the file is called.

    Text is a name a line, for each output in order, with a WordNet id in front of it or not; or on every line a label,
    a comma, semicolon or tab, and the index of its output from 0; or the index first, and the name behind it, also as
    the lines of a Python dict. JSON is a list of names; an object from labels to indices, as torchvision's
    `class_to_idx`; or one from indices to names, as Transformers' `id2label`, or to WordNet ids with names, as Keras's
    `imagenet_class_index.json`. Empty lines are passed over, and so is a first line `label,index` in any words.

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
    of_json = _json(path, text)
    table = _from_lines(path, text) if of_json is None else _from_json(path, of_json)
    if not table.names and not table.index:
        raise DataError(f"{path}: no classes in it; expected a class name on each line.")
    return table


def _json(path: Path, text: str) -> object:
    """The JSON list or object in `text`; None if there is none and the file is not called so either."""
    try:
        content = json.loads(text, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError) as error:
        if path.suffix.lower() == ".json":
            raise DataError(f"{path}: not JSON: {error}.") from error
        return None
    return content if isinstance(content, list) or path.suffix.lower() == ".json" else None


def _from_lines(path: Path, text: str) -> ClassTable:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    rows = [SEPARATED.fullmatch(line) for line in lines]
    if len(rows) > 1 and rows[0] is None and all(rows[1:]) and len(re.split(r"[,;\t]", lines[0])) == 2:
        rows = rows[1:]  # behind a header
    matched = [row for row in rows if row is not None]
    if matched and len(matched) == len(rows):
        return _index(path, ((_unquoted(row[1]), int(row[2])) for row in matched))
    in_order = _numbered(_of_python(lines) or lines)
    if described := _described(in_order or lines):
        return _of_wordnet(path, described)
    if in_order is None and len(matched) > len(rows) / 2:
        odd = [line for line, row in zip(lines, rows, strict=False) if row is None]
        raise DataError(f"{path}: most lines are a label and an index, but not {listed(odd, 3)}.")
    return _names(path, in_order or lines)


def _of_python(lines: Sequence[str]) -> list[str] | None:
    """The lines of a Python dict from indices to names, `{0: 'tench, Tinca tinca',` and so on, as `0: tench, …`."""
    rows = [IN_PYTHON.fullmatch(line) for line in lines if line not in {"{", "}"}]
    found = [f"{row[1]}: {ESCAPED.sub('', row[3])}" for row in rows if row is not None]
    return found if len(found) == len(rows) else None


def _numbered(lines: Sequence[str]) -> list[str] | None:
    """The names in the order of the indices in front of them, where each line but a first one has its own."""
    for rows in ([NUMBERED.fullmatch(line) for line in lines], [NUMBERED.fullmatch(line) for line in lines[1:]]):
        found = {int(row[1]): _unquoted(row[2]) for row in rows if row is not None}
        if len(rows) > 1 and sorted(found) == list(range(len(rows))):
            return [found[place] for place in range(len(rows))]
    return None


def _described(lines: Sequence[str]) -> list[Described] | None:
    """The WordNet id and the name of each line, where every line but a first one has both."""
    rows = [DESCRIBED.fullmatch(line) for line in lines]
    rows = rows[1:] if len(rows) > 1 and rows[0] is None else rows
    found = [(row[1], _unquoted(row[2])) for row in rows if row is not None]
    return found if len(found) == len(rows) else None


def _of_wordnet(path: Path, described: Sequence[Described]) -> ClassTable:
    """A table of WordNet ids and names, one of each for every output in order, or with an index between them."""
    if all(INDEX.fullmatch(name) for _, name in described):
        return _index(path, ((wordnet_id, int(name)) for wordnet_id, name in described))
    rows = [NUMBERED.fullmatch(name) for _, name in described]
    numbered = [(int(row[1]), (each[0], row[2])) for row, each in zip(rows, described, strict=True) if row is not None]
    if len(described) > 1 and len(numbered) == len(described):
        if sorted(place for place, _ in numbered) != list(range(len(numbered))):
            raise DataError(
                f"{path}: behind each WordNet id there is a number, such as {' '.join(described[0])!r}, but they are"
                " not the indices 0, 1, 2, …. Numbers from 1 are the development kit's, whose order is not the one of"
                " a model's outputs. Give WordNet ids or names alone, in the order of the outputs."
            )
        described = [each for _, each in sorted(numbered)]
    (doubled, times), *_ = Counter(wordnet_id for wordnet_id, _ in described).most_common(1)
    if times > 1:
        raise DataError(f"{path}: {doubled} stands in it {times} times.")
    named = _names(path, (name for _, name in described))
    return replace(named, wordnet_ids=tuple(wordnet_id for wordnet_id, _ in described))


def _from_json(path: Path, content: object) -> ClassTable:
    if isinstance(content, list) and all(isinstance(name, str) for name in content) and not isinstance(content, _Pairs):
        return _names(path, content)
    if isinstance(content, _Pairs):
        if all(isinstance(value, int) and not isinstance(value, bool) and value >= 0 for _, value in content):
            return _index(path, content)
        of_output = {int(key): value for key, value in content if INDEX.fullmatch(key)}
        if sorted(of_output) == list(range(len(content))):
            in_order = [of_output[place] for place in range(len(content))]
            if all(isinstance(value, str) for value in in_order):
                return _names(path, in_order)
            if all(_is_described(value) for value in in_order):
                return _of_wordnet(path, [(wordnet_id, name) for wordnet_id, name in in_order])
    raise DataError(
        f"{path}: expected a JSON list of class names, an object from labels to indices, or one from the indices 0, 1, "
        "2, … to names, or to lists of a WordNet id and a name."
    )


def _is_described(value: Any) -> bool:
    """Whether it is a WordNet id and a name, as in Keras's `imagenet_class_index.json`."""
    pair = isinstance(value, list) and len(value) == 2 and all(isinstance(part, str) for part in value)
    return pair and WORDNET_ID.fullmatch(value[0]) is not None


def _unquoted(label: str) -> str:
    """A field of a CSV file as it was before it was quoted."""
    return label[1:-1].replace('""', '"') if re.fullmatch('".*"', label) else label


class _Pairs(list[tuple[str, Any]]):
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
