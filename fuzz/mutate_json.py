"""Mutations of JSON documents that leave them JSON, or nearly: other values, keys, nesting and spellings."""

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from fuzz.mutate_bytes import BYTES, Mutation

__all__ = ["JSON", "changed_document", "mutate_document"]

VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    2,
    255,
    2**31 - 1,
    -(2**31),
    2**32,
    2**53,
    2**63,
    2**64,
    10**30,
    0.5,
    -0.5,
    1e-320,
    1e308,
    "",
    " ",
    "0",
    "a",
    "x" * 300,
    "x" * 70_000,
    "\0",
    "\x1b[2J\x07",
    "\u202e\u2066",
    "\ud800",
    "ß🦙",
    ".",
    "..",
    "../../etc/passwd",
    "/etc/passwd",
    "C:\\secret",
    "a\\b",
    "~/.ssh",
    "con",
    "{}",
    "%s%n",
    "a\nb",
    "-1",
    "nan",
    "ssh://-oProxyCommand=touch@x",
    [],
    {},
    [[]],
    [0],
    [None],
    [1, 2, 3],
    {"": None},
    {"a": {"b": []}},
)
TOKENS = (
    b"NaN",
    b"Infinity",
    b"-Infinity",
    b"1e999",
    b"1" * 5000,
    b"-0",
    b"0x10",
    b"'a'",
    b"[" * 100_000,
    b'{"a":' * 9999,
)
"""Spellings of values, some of them no JSON."""
MARK = "\ue000fuzz"
Path = tuple[Any, ...]


def mutate_document(chance: Random, document: Any) -> Any:
    """A copy of `document` with one to three changes."""
    changed = copy.deepcopy(document)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        changed = chance.choice(CHANGES)(chance, changed)
    return changed


def changed_document(chance: Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    """A `Mutation` of a JSON file that stays JSON."""
    document = _parsed(data)
    return data if document is None else _written(mutate_document(chance, document))


def odd_spelling(chance: Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    """A value that is spelled as JSON should not be."""
    document = _parsed(data)
    if document is None:
        return data
    marked = _replaced(document, _any_path(chance, document), MARK)
    return _written(marked).replace(json.dumps(MARK).encode(), chance.choice(TOKENS), 1)


def repeated_key(chance: Random, data: bytes, _seeds: Sequence[bytes]) -> bytes:
    """An object that has one of its keys twice."""
    document = _parsed(data)
    keys = [path for path in _paths(document) if path and isinstance(path[-1], str)]
    if not keys:
        return data
    path = chance.choice(keys)
    marked = _replaced(document, path, MARK)
    value = json.dumps(chance.choice(VALUES))
    twice = f"{value}, {json.dumps(path[-1])}: {json.dumps(_at(document, path))}".encode()
    return _written(marked).replace(json.dumps(MARK).encode(), twice, 1)


JSON: tuple[Mutation, ...] = (changed_document,) * 20 + (odd_spelling, repeated_key) * 3 + BYTES


def _change_value(chance: Random, document: Any) -> Any:
    return _replaced(document, _any_path(chance, document), copy.deepcopy(chance.choice(VALUES)))


def _nudge_number(chance: Random, document: Any) -> Any:
    numbers = [path for path in _paths(document) if type(_at(document, path)) in {int, float}]
    if not numbers:
        return document
    path = chance.choice(numbers)
    number = _at(document, path)
    return _replaced(document, path, chance.choice((number + 1, number - 1, -number, number * 1000, number / 3, 0)))


def _remove(chance: Random, document: Any) -> Any:
    path = _any_path(chance, document)
    if path:
        del _at(document, path[:-1])[path[-1]]
    return document


def _rename(chance: Random, document: Any) -> Any:
    path = _any_path(chance, document)
    if path and isinstance(path[-1], str):
        holder = _at(document, path[:-1])
        holder[chance.choice(("", path[-1] + "x", path[-1].upper(), "__class__", "../x", "\ud800"))] = holder.pop(
            path[-1]
        )
    return document


def _copy_elsewhere(chance: Random, document: Any) -> Any:
    value = copy.deepcopy(_at(document, _any_path(chance, document)))
    return _replaced(document, _any_path(chance, document), value)


def _lengthen(chance: Random, document: Any) -> Any:
    lists = [path for path in _paths(document) if isinstance(_at(document, path), list) and _at(document, path)]
    if lists:
        found = _at(document, chance.choice(lists))
        found += copy.deepcopy([chance.choice(found)] * chance.choice((1, 2, 1000)))
    return document


def _wrap(chance: Random, document: Any) -> Any:
    path = _any_path(chance, document)
    value = _at(document, path)
    for _ in range(chance.choice((1, 1, 50))):
        value = [value] if chance.random() < 0.5 else {"value": value}
    return _replaced(document, path, value)


def _unknown_key(chance: Random, document: Any) -> Any:
    objects = [path for path in _paths(document) if isinstance(_at(document, path), dict)]
    if objects:
        _at(document, chance.choice(objects))[chance.choice(("x", "", "schema_version", "../a"))] = chance.choice(
            VALUES
        )
    return document


CHANGES: tuple[Callable[[Random, Any], Any], ...] = (
    _change_value,
    _change_value,
    _change_value,
    _nudge_number,
    _nudge_number,
    _remove,
    _rename,
    _copy_elsewhere,
    _lengthen,
    _wrap,
    _unknown_key,
)


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _written(document: Any) -> bytes:
    return json.dumps(document).encode()


def _paths(document: Any, at: Path = ()) -> Iterator[Path]:
    yield at
    if isinstance(document, dict | list):
        for key, value in document.items() if isinstance(document, dict) else enumerate(document):
            yield from _paths(value, (*at, key))


def _any_path(chance: Random, document: Any) -> Path:
    return chance.choice(list(_paths(document)))


def _at(document: Any, path: Path) -> Any:
    for key in path:
        document = document[key]
    return document


def _replaced(document: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    _at(document, path[:-1])[path[-1]] = value
    return document
