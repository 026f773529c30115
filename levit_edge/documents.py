"""Frozen dataclasses <-> JSON documents, strictly: unknown, missing and wrongly typed values are refused.

Supported field types: str, int, float, bool, StrEnum, dataclasses, tuples, dict[str, …], `… | None`, Any, and types
with methods `to_text() -> str` and `from_text(str)`, whose ValueError says what it expected. A field's bounds are
declared where its type is: `Annotated[int, Between(1, 8)]`. A dataclass that reads documents of its earlier schema
versions has a class method `of_today`, which gives those the present form and returns others as they are.
"""

import json
import math
import re
import tomllib
from collections.abc import Mapping, Sized
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from stat import S_ISREG
from types import NoneType, UnionType
from typing import Annotated, Any, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

from levit_edge.errors import LevitEdgeError
from levit_edge.places import found_at, unreadable
from levit_edge.text import brief

__all__ = [
    "MAX_DOCUMENT_BYTES",
    "UNPAIRED",
    "Between",
    "Count",
    "Length",
    "Matching",
    "Sha256",
    "Version",
    "from_json",
    "parse_json",
    "read_json",
    "read_toml",
    "to_json",
]

MAX_DOCUMENT_BYTES = 16 * 2**20
MOST_BITS = 1024
"""Of an integer, as floats have them: Python writes none of thousands of digits, which TOML may have in hexadecimal."""
MOST_KEY = 60
"""Characters of a key in messages."""
UNPAIRED = "backslashreplace"
"""How files in UTF-8 write the bytes of a file name that is no text, which Python holds as lone surrogates: escaped, as
JSON has it."""
T = TypeVar("T")


@dataclass(frozen=True)
class Between:
    """Numbers from `low` to `high`, both included; never NaN."""

    low: float
    high: float = math.inf

    def fault(self, value: float) -> str | None:
        """What is wrong with `value`, to follow its name; None if it is allowed."""
        if self.low <= value <= self.high:
            return None
        wanted = f"at least {self.low:g}" if self.high == math.inf else f"{self.low:.16g} to {self.high:.16g}"
        return f"is {brief(value)}, expected {wanted}"


@dataclass(frozen=True)
class Length:
    """Texts, tuples and tables with so many characters or entries, both ends included."""

    least: int
    most: int

    def fault(self, value: Sized) -> str | None:
        """As that of `Between`."""
        if self.least <= len(value) <= self.most:
            return None
        one, more = ("character", "characters") if isinstance(value, str) else ("entry", "entries")
        return f"has {len(value)} {one if len(value) == 1 else more}, expected {self.least} to {self.most}"


@dataclass(frozen=True)
class Matching:
    """Texts that match the whole of an expression, which `what` describes."""

    expression: str
    what: str

    def fault(self, value: str) -> str | None:
        """As that of `Between`."""
        if re.fullmatch(self.expression, value, re.ASCII):
            return None
        return f"is {brief(value)}, expected {self.what}"


@dataclass(frozen=True)
class Version:
    """The version of a document that is read, or all from the `oldest` on."""

    number: int
    oldest: int | None = None

    def fault(self, value: int) -> str | None:
        """As that of `Between`."""
        oldest = self.number if self.oldest is None else self.oldest
        if oldest <= value <= self.number:
            return None
        expected = str(self.number) if oldest == self.number else f"{oldest} to {self.number}"
        return f"is {brief(value)}, expected {expected}: what this levit-edge reads"


Count = Annotated[int, Between(0, 2**53)]
"""How many there are of something: every one is a float too."""
Sha256 = Annotated[str, Matching("[0-9a-f]{64}", "64 hexadecimal digits")]


class _MismatchError(Exception):
    """A value is not of the expected form; the message starts with where it is."""


def to_json(value: Any) -> Any:  # noqa: PLR0911 - one return for each kind
    """Dataclasses, tuples and enums as JSON objects, arrays and strings; a float that JSON cannot hold as null."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: to_json(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, StrEnum):
        return str(value)
    if hasattr(value, "to_text"):
        return value.to_text()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def from_json(kind: type[T], document: object, error: type[LevitEdgeError], what: str) -> T:
    """The `kind` that `to_json` made `document` from.

    Raises:
        LevitEdgeError: of type `error`, naming `what` and the key whose value is not as expected.
    """
    try:
        value: T = _decode(kind, document, "")
    except _MismatchError as mismatch:
        raise error(f"{what} is not valid: {mismatch}.") from mismatch
    except RecursionError as failure:
        raise error(f"{what} is not valid: it is nested too deeply.") from failure
    return value


def read_json(path: Path, error: type[LevitEdgeError], what: str, *, limit: int = MAX_DOCUMENT_BYTES) -> object:
    """Parse a JSON file of at most `limit` bytes.

    Raises:
        LevitEdgeError: of type `error`: the file cannot be read, is too large, or is not JSON.
    """
    try:
        found = path.stat()
        if not S_ISREG(found.st_mode):
            raise error(f"{what} {path} {found_at(path)}, expected a small JSON document.")
        if found.st_size > limit:
            raise error(f"{what} {path} is larger than {limit >> 20} MiB, expected a small JSON document.")
        content = path.read_bytes()
    except OSError as failure:
        raise error(f"{what} {path} {unreadable(failure)}.") from failure
    except ValueError as failure:  # a null character in the name
        raise error(f"{what} {str(path)!r} {unreadable(failure)}.") from failure
    return parse_json(content, error, f"{what} {path}")


def read_toml(path: Path, error: type[LevitEdgeError], what: str) -> dict[str, Any]:
    """Parse a TOML file.

    Raises:
        LevitEdgeError: of type `error`: the file cannot be read, is too large, or is not TOML.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_DOCUMENT_BYTES + 1)
    except (OSError, ValueError) as failure:  # ValueError: a null character in the name
        raise error(f"{what} {str(path)!r} {unreadable(failure)}.") from failure
    if len(content) > MAX_DOCUMENT_BYTES:
        raise error(f"{what} {path} is larger than 16 MiB, expected a small TOML document.")
    try:
        return tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as failure:
        raise error(f"{what} {path} is not TOML ({failure}).") from failure


def parse_json(content: bytes, error: type[LevitEdgeError], what: str) -> object:
    """Parse JSON.

    Raises:
        LevitEdgeError: of type `error`, naming `what`: it is not JSON in UTF-8.
    """
    try:
        return json.loads(content.decode("utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as failure:
        raise error(f"{what} is not JSON ({failure}).") from failure


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _decode(kind: Any, value: object, at: str) -> Any:  # noqa: PLR0911 - one return for each kind
    if kind is Any:
        return value
    if get_origin(kind) is Annotated:
        return _decode_bounded(kind, value, at)
    if get_origin(kind) in {Union, UnionType}:
        (inner,) = (option for option in get_args(kind) if option is not NoneType)
        return None if value is None else _decode(inner, value, at)
    if is_dataclass(kind):
        return _decode_dataclass(kind, value, at)
    if get_origin(kind) is tuple:
        return _decode_tuple(kind, value, at)
    if get_origin(kind) is dict:
        entries = _expect(dict, value, at)
        return {key: _decode(get_args(kind)[1], item, f"{at}{_key(key)}") for key, item in entries.items()}
    if issubclass(kind, StrEnum):
        if value not in list(kind):
            raise _MismatchError(f"{at} is {brief(value)}, expected one of {', '.join(kind)}")
        return kind(value)
    if hasattr(kind, "from_text"):
        return _decode_text(kind, value, at)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return _to_float(value, at)
    return _expect(kind, value, at)


def _key(name: str) -> str:
    """How a key stands behind where its object is: other people wrote it."""
    return f".{name}" if name.isidentifier() and len(name) <= MOST_KEY else f"[{brief(name)}]"


def _decode_bounded(kind: Any, value: object, at: str) -> Any:
    inner, *bounds = get_args(kind)
    decoded = _decode(inner, value, at)
    for bound in bounds:
        if hasattr(bound, "fault") and (fault := bound.fault(decoded)):
            raise _MismatchError(f"{at or 'it'} {fault}")
    return decoded


def _decode_text(kind: Any, value: object, at: str) -> Any:
    try:
        return kind.from_text(_expect(str, value, at))
    except ValueError as error:
        raise _MismatchError(f"{at or 'it'} is {brief(value)}: {error}") from error


def _to_float(value: int, at: str) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise _MismatchError(f"{at or 'it'} is {brief(value)}, too large for a float") from error


def _decode_dataclass(kind: Any, value: object, at: str) -> Any:
    entries = _expect(dict, value, at)
    if hasattr(kind, "of_today"):
        entries = kind.of_today(entries)
    types = get_type_hints(kind, include_extras=True)
    unknown = sorted(set(entries) - set(types))
    if unknown:
        raise _MismatchError(f"{at or 'it'} has unknown keys {brief(unknown)}")
    required = {field.name for field in fields(kind) if field.default is MISSING and field.default_factory is MISSING}
    missing = sorted(required - set(entries))
    if missing:
        raise _MismatchError(f"{at or 'it'} lacks {', '.join(missing)}")
    try:
        return kind(**{key: _decode(types[key], item, f"{at}.{key}".lstrip(".")) for key, item in entries.items()})
    except LevitEdgeError as error:
        raise _MismatchError(str(error).rstrip(".")) from error


def _decode_tuple(kind: Any, value: object, at: str) -> Any:
    items = _expect(list, value, at)
    inner = get_args(kind)
    if inner[-1] is Ellipsis:
        inner = (inner[0],) * len(items)
    if len(inner) != len(items):
        raise _MismatchError(
            f"{at} has {len(items)} {'entry' if len(items) == 1 else 'entries'}, expected {len(inner)}"
        )
    return tuple(
        _decode(each, item, f"{at}[{index}]") for index, (each, item) in enumerate(zip(inner, items, strict=True))
    )


def _expect(kind: type, value: object, at: str) -> Any:
    wrong_bool = isinstance(value, bool) and kind is not bool
    if wrong_bool or not isinstance(value, kind):
        raise _MismatchError(f"{at or 'it'} is {brief(value)}, expected {kind.__name__}")
    if isinstance(value, int) and value.bit_length() > MOST_BITS:
        raise _MismatchError(f"{at or 'it'} is {brief(value)}, expected at most {MOST_BITS} bits")
    return value
