"""Results by what they depend on: the same ones come back, and nothing else ever does."""

import json
import multiprocessing
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from levit_edge.errors import SweepError
from levit_edge.sweep.tasks.result import Result, key_of
from levit_edge.sweep.tasks.store import Store

INPUTS = {"checkpoint": "ab" * 32, "recipe": {"seed": 0}}
HERE = {"torch": "2.13.0", "processor": "this one"}
KEY = key_of("calibrate", INPUTS, HERE)


@pytest.fixture(params=["folder", "memory", pytest.param("s3", marks=pytest.mark.ray)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "folder":
        yield Store(str(tmp_path / "store"))
    elif request.param == "s3":
        put: Callable[[dict[str, bytes]], str] = request.getfixturevalue("s3")
        yield Store(put({}) + "/store")
    else:
        import fsspec

        yield Store("memory://store")
        fsspec.filesystem("memory").store.clear()


def kept(store: Store) -> Result:
    result = Result(value={"a": [1, "x"]}, blobs={"plan": store.add(b"content")}, seconds=1.5)
    store.keep("calibrate", INPUTS, HERE, result)
    return result


def test_what_is_kept_comes_back(store: Store) -> None:
    assert store.keys() == frozenset()
    assert store.result(KEY) is None
    result = kept(store)
    assert store.keys() == {KEY}
    assert store.result(KEY) == result
    assert store.blob(result.blobs["plan"]) == b"content"
    assert store.add(b"content") == result.blobs["plan"]
    store.leave_note()
    assert store.keys() == {KEY}


@pytest.mark.parametrize(
    "other",
    [
        key_of("quantize", INPUTS, HERE),
        key_of("calibrate", INPUTS | {"recipe": {"seed": 1}}, HERE),
        key_of("calibrate", INPUTS | {"more": None}, HERE),
        key_of("calibrate", INPUTS, HERE | {"torch": "2.13.1"}),
        key_of("calibrate", INPUTS, HERE | {"processor": "another"}),
    ],
)
def test_other_inputs_have_another_key(tmp_path: Path, other: str) -> None:
    store = Store(str(tmp_path))
    kept(store)
    assert store.result(other) is None


def test_the_order_of_inputs_does_not_matter() -> None:
    assert key_of("calibrate", dict(reversed(INPUTS.items())), dict(reversed(HERE.items()))) == KEY


def test_a_result_whose_blob_is_gone_is_none(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    sha256 = kept(store).blobs["plan"]
    (tmp_path / "blobs" / sha256[:2] / sha256).unlink()
    assert store.result(KEY) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-20],
        lambda _text: b"",
        lambda _text: b"[]",
        lambda _text: b"\xff\xfe",
        lambda text: text.replace(b'"seed": 0', b'"seed": 1'),
        lambda text: text.replace(b'"calibrate"', b'"quantize"'),
        lambda text: text.replace(b'"schema_version": 1', b'"schema_version": 2'),
        lambda text: text.replace(b'"seconds": 1.5', b'"seconds": "long"'),
        lambda text: json.dumps(json.loads(text) | {"inputs": []}).encode(),
        lambda text: json.dumps(json.loads(text) | {"environment": None}).encode(),
    ],
)
def test_a_damaged_result_is_none(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    store = Store(str(tmp_path))
    kept(store)
    path = tmp_path / "results" / KEY[:2] / KEY
    before = path.read_bytes()
    path.write_bytes(damage(before))
    assert path.read_bytes() != before
    assert store.result(KEY) is None


def test_a_damaged_blob_is_removed_so_that_the_next_run_makes_it(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    sha256 = kept(store).blobs["plan"]
    path = tmp_path / "blobs" / sha256[:2] / sha256
    path.write_bytes(b"CONTENT")
    with pytest.raises(SweepError, match="was damaged and is removed: run the same sweep again"):
        store.blob(sha256)
    assert not path.exists()
    assert store.result(KEY) is None


def write_often(url: str) -> None:
    for number in range(50):
        store = Store(url)
        store.add(b"x" * 100_000)
        store.keep("nothing", {"n": number % 3}, HERE, Result(value=number % 3))


def test_processes_that_write_the_same_do_not_disturb_each_other(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_often, args=(str(tmp_path),)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    store = Store(str(tmp_path))
    assert [store.result(key_of("nothing", {"n": n}, HERE)) for n in range(3)] == [Result(value=n) for n in range(3)]
    assert not list(tmp_path.rglob("*.partial*"))


def test_a_full_disk_is_one_message_and_leaves_nothing_half_written(small_disk: Path) -> None:
    store = Store(str(small_disk / "store"))
    with pytest.raises(SweepError, match="No space left on device"):
        store.add(bytes(2 << 20))
    assert not [path for path in small_disk.rglob("*") if path.is_file()]


def test_a_store_that_is_no_folder_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("")
    with pytest.raises(SweepError, match=r"store: (Not a directory|File exists)"):
        Store(str(tmp_path / "store")).add(b"")
