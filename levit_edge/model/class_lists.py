"""Finds the class names that training scripts save beside weights: `classes`, `class_to_idx` and the like."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["ClassList", "class_lists"]

KEYS = frozenset(
    {
        *(
            "classes",
            "class_names",
            "classnames",
            "class_list",
            "labels",
            "label_names",
            "class_to_idx",
            "idx_to_class",
        ),
        *("id2label", "label2id", "idx2label", "label2idx"),
    }
)
"""What they are called, in lower case; torchvision's and Transformers' words among them."""
DEPTH = 3
"""The file itself, a training script's settings in it, and what these hold: mmcv's `meta`, Lightning's
`hyper_parameters`, a parsed `args`."""
MOST_CLASSES = 100_000


@dataclass(frozen=True, kw_only=True)
class ClassList:
    """Class names that a file has beside its weights."""

    place: str
    """The entries that lead to them, joined with dots."""
    names: tuple[str, ...]
    """In the order of the outputs that they are said to be."""


def class_lists(loaded: object) -> tuple[ClassList, ...]:
    """All that lie in a file of `torch.save`; what is called so and is no list of names is passed over."""
    return tuple(_found((), loaded, DEPTH, set()))


def _found(place: tuple[str, ...], holder: object, depth: int, seen: set[int]) -> Iterator[ClassList]:
    """`seen` are the objects that were looked into: a hostile file may have one in a million places."""
    members = vars(holder) if isinstance(holder, argparse.Namespace) else holder
    if not isinstance(members, dict):
        return
    for key, value in members.items():
        if not isinstance(key, str) or id(value) in seen:
            continue
        seen.add(id(value))
        names = _names(value) if key.lower() in KEYS else None
        if names is not None:
            yield ClassList(place=".".join((*place, key)), names=names)
        elif depth > 1:
            yield from _found((*place, key), value, depth - 1, seen)


def _names(value: object) -> tuple[str, ...] | None:
    """The names in a list, or in a table from names to indices or from indices to names, with none left out."""
    if not isinstance(value, list | tuple | dict) or not 0 < len(value) <= MOST_CLASSES:
        return None
    if not isinstance(value, dict):
        return tuple(value) if all(isinstance(each, str) for each in value) else None
    pairs = [(key, name) if isinstance(name, str) else (name, key) for key, name in value.items()]
    by_index = {_index(index): name for index, name in pairs if isinstance(name, str)}
    found = [by_index.get(place) for place in range(len(value))]
    return None if None in found else tuple(name for name in found if name is not None)


def _index(index: object) -> int | None:
    if isinstance(index, str):
        return int(index) if index.isascii() and index.isdecimal() and len(index) < 10 else None
    return index if type(index) is int else None
