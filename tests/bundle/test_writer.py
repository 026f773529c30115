import dataclasses
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from levit_edge.bundle.manifest import Manifest
from levit_edge.bundle.place import MANIFEST_FILE
from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.writer import new_bundle
from levit_edge.errors import OutputError
from levit_edge.system.atomic import exchange

Files = dict[str, bytes]
OLD, NEW = "2026-01-01T00:00:00+00:00", "2026-02-02T00:00:00+00:00"


@pytest.fixture
def files(tiny_bundle: Path) -> Files:
    bundle = Bundle.open(tiny_bundle)
    return {name: bundle.read(name) for name in bundle.manifest.files}


@pytest.fixture
def manifest(tiny_bundle: Path) -> Manifest:
    """Of a newer bundle with the same files."""
    return dataclasses.replace(Bundle.open(tiny_bundle).manifest, created_utc=NEW)


def write(output: Path, files: Files, manifest: Manifest) -> Bundle:
    with new_bundle(output) as writer:
        for name, content in files.items():
            writer.add(name, content)
        return writer.commit(manifest)


def names(folder: Path) -> list[str]:
    """Everything in `folder`, hidden or not."""
    return sorted(path.name for path in folder.iterdir())


def test_a_bundle_appears_whole_and_only_on_commit(tmp_path: Path, files: Files, manifest: Manifest) -> None:
    with new_bundle(tmp_path / "out") as writer:
        for name, content in files.items():
            assert writer.add(name, content) == manifest.files[name]
            assert not (tmp_path / "out").exists()
        assert not (writer.staged(manifest).path / MANIFEST_FILE).exists(), "it is written once"
        written = writer.commit(manifest)
        assert names(tmp_path) == [".out.lock", "out"]
    assert names(tmp_path) == ["out"]
    assert written.path == tmp_path / "out"
    opened = Bundle.open(tmp_path / "out")
    assert opened.manifest == written.manifest == manifest
    assert {name: opened.read(name) for name in files} == files


@pytest.mark.parametrize("empty", [True, False])
def test_a_relative_output_stays_where_it_was_meant(
    tmp_path: Path, files: Files, manifest: Manifest, monkeypatch: pytest.MonkeyPatch, empty: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    if empty:
        (tmp_path / "new/deep/out").mkdir(parents=True)
    with new_bundle(Path("new/deep/out")) as writer:
        monkeypatch.chdir("/")
        for name, content in files.items():
            writer.add(name, content)
        writer.commit(manifest)
    assert Bundle.open(tmp_path / "new/deep/out").manifest == manifest


def test_an_older_bundle_is_replaced_whole(bundle_path: Path, files: Files, manifest: Manifest) -> None:
    with new_bundle(bundle_path) as writer:
        for name, content in files.items():
            writer.add(name, content)
        assert Bundle.open(bundle_path).manifest.created_utc == OLD
        writer.commit(manifest)
    assert Bundle.open(bundle_path).manifest == manifest
    assert names(bundle_path.parent) == ["bundle"]


def test_a_bundle_with_a_users_own_file_is_left_alone(bundle_path: Path, files: Files, manifest: Manifest) -> None:
    (bundle_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds other files too"):
        write(bundle_path, files, manifest)
    assert (bundle_path / "notes.txt").read_text() == "mine"
    assert Bundle.open(bundle_path).manifest.created_utc == OLD


def test_a_damaged_bundle_is_still_ours_to_replace(bundle_path: Path, files: Files, manifest: Manifest) -> None:
    (bundle_path / "int8.onnx").unlink()
    assert write(bundle_path, files, manifest).manifest == manifest


def a_link_to_a_bundle(path: Path) -> None:
    path.symlink_to(path.parent / "bundle")


NOT_OURS = {
    "folder": lambda path: (path / "photographs").mkdir(parents=True),
    "another manifest": lambda path: (path.mkdir(), (path / "manifest.json").write_text('{"name": "some web app"}')),
    "file": Path.touch,
    "link to a bundle": a_link_to_a_bundle,
    "dangling link": lambda path: path.symlink_to("nowhere"),
}
not_ours = pytest.mark.parametrize("make", NOT_OURS.values(), ids=NOT_OURS)


@not_ours
def test_what_is_not_a_bundle_is_never_replaced(bundle_path: Path, make: Callable[[Path], object]) -> None:
    output = bundle_path.with_name("out")
    make(output)
    with (
        pytest.raises(OutputError, match=r"out exists and is not a bundle .* nothing was written"),
        new_bundle(output),
    ):
        pytest.fail("the long work has begun")
    assert names(bundle_path.parent) == ["bundle", "out"]
    assert Bundle.open(bundle_path).manifest.created_utc == OLD


@not_ours
def test_nor_is_it_if_it_appears_in_the_meantime(
    bundle_path: Path, files: Files, manifest: Manifest, make: Callable[[Path], object]
) -> None:
    output = bundle_path.with_name("out")
    with new_bundle(output) as writer:
        for name, content in files.items():
            writer.add(name, content)
        make(output)
        with pytest.raises(OutputError, match="is not a bundle"):
            writer.commit(manifest)
    assert names(bundle_path.parent) == ["bundle", "out"]
    assert Bundle.open(bundle_path).manifest.created_utc == OLD


@pytest.mark.parametrize("name", ["/", "file/out", "x" * 300, "x" * 250])
def test_an_impossible_output_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"Choose another --output|or choose another"), new_bundle(tmp_path / name):
        pytest.fail("the long work has begun")
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("name", ["../out", "/etc/out", "a/b", ".hidden", "", "manifest.json"])
def test_a_file_has_a_plain_name(tmp_path: Path, name: str) -> None:
    with new_bundle(tmp_path / "out") as writer, pytest.raises(OutputError, match="cannot be a file of a bundle"):
        writer.add(name, b"")
    assert names(tmp_path) == []


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit, ValueError])
@pytest.mark.parametrize("output", ["out", "new/deep/out", "bundle"])
def test_an_exception_leaves_nothing(bundle_path: Path, output: str, interruption: type[BaseException]) -> None:
    def fail_half_way() -> None:
        with new_bundle(bundle_path.parent / output) as writer:
            writer.add("labels.txt", b"red\n")
            raise interruption

    with pytest.raises(interruption):
        fail_half_way()
    assert names(bundle_path.parent) == ["bundle"]
    assert Bundle.open(bundle_path).manifest.created_utc == OLD


def cannot_exchange(_one: Path, _other: Path) -> None:
    raise NotImplementedError


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, OSError(5, "Input/output error")])
@pytest.mark.parametrize("done", [True, False], ids=["after", "before"])
@pytest.mark.parametrize("turn", [1, 2])
def test_an_interrupted_commit_leaves_one_whole_bundle(
    bundle_path: Path,
    files: Files,
    manifest: Manifest,
    monkeypatch: pytest.MonkeyPatch,
    turn: int,
    done: bool,
    interruption: BaseException,
) -> None:
    """Ctrl-C, or an error, in or right after one of the two renames, where folders cannot change places."""
    monkeypatch.setattr("levit_edge.system.atomic.exchange", cannot_exchange)
    rename, calls = Path.rename, list[Path]()

    def interrupted(path: Path, target: Path) -> None:
        calls.append(path)
        if done or len(calls) != turn:
            rename(path, target)
        if len(calls) == turn:
            raise interruption

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises((KeyboardInterrupt, OutputError)):
        write(bundle_path, files, manifest)
    assert len(calls) >= turn
    assert names(bundle_path.parent) == ["bundle"]
    assert Bundle.open(bundle_path).manifest.created_utc == (NEW if turn == 2 and done else OLD)


def test_a_ctrl_c_in_the_last_step_waits_until_the_new_bundle_is_there(
    bundle_path: Path, files: Files, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(one: Path, other: Path) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        exchange(one, other)

    monkeypatch.setattr("levit_edge.system.atomic.exchange", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(bundle_path, files, manifest)
    assert names(bundle_path.parent) == ["bundle"]
    assert Bundle.open(bundle_path).manifest.created_utc == NEW


def test_there_is_no_moment_without_a_bundle(
    bundle_path: Path, files: Files, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is renamed from or to the output but by the exchange."""
    monkeypatch.setattr(Path, "rename", lambda *_: pytest.fail("renamed"))
    assert write(bundle_path, files, manifest).manifest == manifest
    assert names(bundle_path.parent) == ["bundle"]
