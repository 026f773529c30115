import json
import math
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from levit_edge.documents import MAX_DOCUMENT_BYTES, Between, Length, Sha256, Version, from_json, read_json, to_json
from levit_edge.errors import BundleError, DataError


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, kw_only=True)
class Part:
    name: str
    weight_g: float

    def __post_init__(self) -> None:
        if self.weight_g < 0:
            raise DataError(f"{self.name} weighs {self.weight_g} g.")


@dataclass(frozen=True, kw_only=True)
class Thing:
    count: int
    colour: Colour
    ready: bool
    price: float | None
    parts: tuple[Part, ...]
    bounds: tuple[float, int]
    notes: dict[str, int]
    anything: Any
    label: str = "none"
    tags: tuple[str, ...] = field(default_factory=tuple)


floats = st.floats(allow_nan=False, allow_infinity=False)
parts = st.builds(Part, name=st.text(), weight_g=st.floats(0, 1e6))
things = st.builds(
    Thing,
    count=st.integers(),
    colour=st.sampled_from(Colour),
    ready=st.booleans(),
    price=st.none() | floats,
    parts=st.lists(parts, max_size=3).map(tuple),
    bounds=st.tuples(floats, st.integers()),
    notes=st.dictionaries(st.text(), st.integers(), max_size=3),
    anything=st.recursive(st.none() | st.text() | st.integers(), st.lists, max_leaves=5),
    label=st.text(),
    tags=st.lists(st.text(), max_size=3).map(tuple),
)
THING = Thing(
    count=2,
    colour=Colour.RED,
    ready=True,
    price=1.5,
    parts=(Part(name="leg", weight_g=300.0),),
    bounds=(0.5, 7),
    notes={"a": 1},
    anything=None,
)


def read(document: object) -> Thing:
    return from_json(Thing, document, BundleError, "the thing")


@given(things)
def test_what_is_written_is_read_back(thing: Thing) -> None:
    assert read(json.loads(json.dumps(to_json(thing)))) == thing


def test_a_whole_number_will_do_for_a_float() -> None:
    price = read(to_json(THING) | {"price": 3}).price
    assert type(price) is float
    assert price == 3.0


def test_defaults_may_be_left_out() -> None:
    document = to_json(THING)
    del document["label"], document["tags"]
    assert read(document) == THING


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_floats_that_json_cannot_hold_become_null(value: float) -> None:
    document = to_json({"alone": value, "deep": [(value, 1.0)], "thing": Part(name="x", weight_g=abs(value))})
    assert document == {"alone": None, "deep": [[None, 1.0]], "thing": {"name": "x", "weight_g": None}}
    json.dumps(document, allow_nan=False)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"count": "2"}, "count is '2', expected int"),
        ({"count": 2.0}, "count is 2.0, expected int"),
        ({"count": True}, "count is True, expected int"),
        ({"count": None}, "count is None, expected int"),
        ({"price": False}, "price is False, expected float"),
        ({"price": 10**400}, "price is 1000"),
        ({"ready": 1}, "ready is 1, expected bool"),
        ({"label": None}, "label is None, expected str"),
        ({"colour": "green"}, "colour is 'green', expected one of red, blue"),
        ({"colour": ["red"]}, r"colour is \['red'\], expected one of"),
        ({"notes": []}, r"notes is \[\], expected dict"),
        ({"notes": {"a": "b"}}, r"notes\.a is 'b', expected int"),
        ({"notes": {"\x1b[2J\n": "b"}}, r"notes\['\\x1b\[2J\\n'\] is 'b', expected int"),
        ({"notes": {"x" * 10_000: "b"}}, r"notes\['x{56}\.\.\.\] is 'b'"),
        ({"parts": {}}, r"parts is \{\}, expected list"),
        ({"parts": [{"name": "x", "weight_g": "y"}]}, r"parts\[0\]\.weight_g is 'y', expected float"),
        ({"parts": [{"name": "x"}]}, r"parts\[0\] lacks weight_g"),
        ({"parts": [{"name": "x", "weight_g": 1, "colour": 2}]}, r"parts\[0\] has unknown keys \['colour'\]"),
        ({"parts": [{"name": "x", "weight_g": -1}]}, r"x weighs -1\.0 g\.$"),
        ({"bounds": [1.0]}, "bounds has 1 entry, expected 2"),
        ({"bounds": [1.0, 2.5]}, r"bounds\[1\] is 2\.5, expected int"),
        ({"flavour": "sweet"}, r"it has unknown keys \['flavour'\]"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, object], complaint: str) -> None:
    with pytest.raises(BundleError, match=f"^the thing is not valid: {complaint}"):
        read(to_json(THING) | change)


@pytest.mark.parametrize("key", ["count", "colour", "ready", "price", "parts", "bounds", "notes", "anything"])
def test_a_missing_key_is_named(key: str) -> None:
    document = to_json(THING)
    del document[key]
    with pytest.raises(BundleError, match=f"it lacks {key}"):
        read(document)


@pytest.mark.parametrize("document", [None, [], "text", 3, True])
def test_what_is_no_object_is_refused(document: object) -> None:
    with pytest.raises(BundleError, match=r"the thing is not valid: it is .*, expected dict"):
        read(document)


def test_a_long_value_is_not_repeated_whole() -> None:
    with pytest.raises(BundleError) as caught:
        read(to_json(THING) | {"count": "x" * 10_000})
    assert len(str(caught.value)) < 200


def test_values_nested_to_the_limit_of_the_stack_are_refused() -> None:
    for depth in range(sys.getrecursionlimit() - 200, sys.getrecursionlimit()):
        nested: list[object] = []
        for _ in range(depth):
            nested = [nested]
        with pytest.raises(BundleError):
            read(to_json(THING) | {"count": nested})


@given(st.binary(max_size=200))
def test_any_bytes_are_json_or_an_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(content)
    with suppress(BundleError):  # and no other error
        read_json(path, BundleError, "the file")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"a": 1} 2', b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000, b"1" * 10_000],
    ids=["empty", "open", "two", "latin", "deep arrays", "deep objects", "a very long number"],
)
def test_what_is_not_json_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(DataError, match=r"the file .*x\.json is not JSON"):
        read_json(tmp_path / "x.json", DataError, "the file")


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "huge.json"
    with path.open("wb") as file:
        file.truncate(MAX_DOCUMENT_BYTES + 1)
    monkeypatch.delattr(Path, "read_text")
    with pytest.raises(BundleError, match="larger than 16 MiB"):
        read_json(path, BundleError, "the file")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda _: None, "does not exist"),
        (Path.mkdir, "is a folder"),
        (os.mkfifo, "is neither a file nor a folder"),
        (lambda path: path.symlink_to(path), "cannot be read: .*symbolic"),
        (lambda path: path.write_text('{"drop": NaN}'), "NaN is not a JSON number"),
    ],
)
def test_what_cannot_be_read_is_an_error(tmp_path: Path, make: Callable[[Path], object], reason: str) -> None:
    make(tmp_path / "x.json")
    with pytest.raises(BundleError, match=reason):
        read_json(tmp_path / "x.json", BundleError, "the file")


@dataclass(frozen=True, kw_only=True)
class Bounded:
    version: Annotated[int, Version(2)] = 2
    share: Annotated[float, Between(0, 1)] | None = None
    least: Annotated[int, Between(1)] = 1
    names: Annotated[tuple[Annotated[str, Length(1, 3)], ...], Length(0, 2)] = ()
    digest: Sha256 | None = None


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ({"version": 1}, "version is 1, expected 2: what this levit-edge reads"),
        ({"share": 1.5}, "share is 1.5, expected 0 to 1"),
        ({"share": math.nan}, "share is nan, expected 0 to 1"),
        ({"share": True}, "share is True, expected float"),
        ({"least": 0}, "least is 0, expected at least 1"),
        ({"names": ["a", "b", "c"]}, "names has 3 entries, expected 0 to 2"),
        ({"names": ["a", ""]}, r"names\[1\] has 0 characters, expected 1 to 3"),
        ({"digest": "f" * 63 + "F"}, "digest is 'f.*expected 64 hexadecimal digits"),
        ({"digest": "f" * 64 + "\n"}, "expected 64 hexadecimal digits"),
    ],
)
def test_declared_bounds_hold(document: dict[str, Any], complaint: str) -> None:
    with pytest.raises(BundleError, match=complaint):
        from_json(Bounded, document, BundleError, "it")


def test_values_at_their_bounds_are_taken() -> None:
    document = {"version": 2, "share": 1, "least": 1, "names": ["abc", "a"], "digest": "0" * 64}
    assert to_json(from_json(Bounded, document, BundleError, "it")) == document
