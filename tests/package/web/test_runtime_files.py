"""onnxruntime-web's two files: the pinned ones, or a message; whatever the archive is."""

import os
import shutil
import stat
import tarfile
from pathlib import Path

import pytest

from levit_edge.errors import PackageError
from levit_edge.package.contents import WEB_RUNTIME
from levit_edge.package.web import runtime_files as module
from levit_edge.package.web.runtime_files import NPM_PACKAGE, cached_runtime_files, runtime_files
from tests.package.web.conftest import RUNTIME, archive

MEMBERS = [(f"package/dist/{name}", data) for name, data in RUNTIME.items()]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LEVIT_EDGE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def npm(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """An npm that is `script`; `$7` is the folder that it is to write into."""
    folder.mkdir()
    program = folder / "npm"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_they_are_found_in_an_archive_and_in_folders(pinned: dict[str, bytes], tmp_path: Path) -> None:
    packed = tmp_path / "any-name.tgz"
    packed.write_bytes(archive(("package/package.json", b"{}"), *MEMBERS, ("package/dist/other.wasm", b"x" * 9999)))
    (tmp_path / "module" / "dist").mkdir(parents=True)
    (tmp_path / "flat").mkdir()
    for name, data in pinned.items():
        (tmp_path / "module" / "dist" / name).write_bytes(data)
        (tmp_path / "flat" / name).write_bytes(data)
    for given in (packed, tmp_path / "module", tmp_path / "flat"):
        assert runtime_files(given) == cached_runtime_files() == pinned
        shutil.rmtree(module.runtime_cache())


def test_a_cache_that_cannot_be_written_keeps_nobody_from_what_was_given(
    pinned: dict[str, bytes], tmp_path: Path, cache: Path
) -> None:
    cache.write_text("a file where the folder should be")
    for name, data in pinned.items():
        (tmp_path / name).write_bytes(data)
    assert runtime_files(tmp_path) == pinned
    assert cached_runtime_files() is None


def test_npm_fetches_them_once(
    pinned: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    (tmp_path / "served.tgz").write_bytes(archive(*MEMBERS))
    script = f'echo "$@" >> {tmp_path}/calls; cp {tmp_path}/served.tgz "$6"/x.tgz'
    npm(tmp_path / "bin", monkeypatch, script)
    assert runtime_files() == runtime_files() == cached_runtime_files() == pinned
    (call,) = (tmp_path / "calls").read_text().splitlines()
    assert call.startswith(f"pack {NPM_PACKAGE} --silent --ignore-scripts --pack-destination ")
    (folder,) = cache.iterdir()
    assert {path.name for path in folder.iterdir()} == set(WEB_RUNTIME)
    (folder / WEB_RUNTIME[0]).write_bytes(b"damaged")
    assert runtime_files() == pinned  # fetched again
    assert len((tmp_path / "calls").read_text().splitlines()) == 2


@pytest.mark.usefixtures("pinned")
def test_an_npm_that_is_no_program_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm(tmp_path / "bin", monkeypatch, "")
    (tmp_path / "bin" / "npm").write_bytes(b"\x7fELF, of another processor")
    with pytest.raises(PackageError, match=r"/npm cannot be started: Exec format error\. .*Run `npm pack"):
        runtime_files()


@pytest.mark.usefixtures("pinned")
@pytest.mark.parametrize("script", ["echo 'npm error code E404' >&2; exit 1", "exit 0"])
def test_an_npm_that_cannot_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    npm(tmp_path / "bin", monkeypatch, script)
    with pytest.raises(PackageError, match=rf"npm could not fetch {NPM_PACKAGE}: .*(E404|status 0).* Run `npm pack"):
        runtime_files()
    assert cached_runtime_files() is None


def test_without_npm_the_way_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PackageError, match=rf"no npm here.*npm pack {NPM_PACKAGE}.*--runtime-files"):
        runtime_files()


@pytest.mark.usefixtures("pinned")
@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "expected the archive"),
        (b"no archive", "expected the archive"),
        (archive(*MEMBERS)[:-20], "expected the archive"),
        (archive(MEMBERS[0]), f"has no package/dist/{WEB_RUNTIME[1]}"),
        (archive(*MEMBERS, MEMBERS[0]), "there twice"),
        (archive((MEMBERS[0][0], None), MEMBERS[1], kind=tarfile.SYMTYPE), "no plain file"),
        (archive((MEMBERS[0][0], None), MEMBERS[1], kind=tarfile.FIFOTYPE), "no plain file"),
        (archive((MEMBERS[0][0], MEMBERS[0][1] + b"!"), MEMBERS[1]), "is not that of"),
        (archive((MEMBERS[0][0], MEMBERS[0][1].upper()), MEMBERS[1]), "is not that of"),
        (archive(("../" + MEMBERS[0][0], MEMBERS[0][1]), MEMBERS[1]), "has no package/dist"),
        (archive(*[(f"package/{i}", b"") for i in range(40)], *MEMBERS), "more than 30 files"),
        (archive(("package/zeros", bytes(2**20)), *MEMBERS), "unpacks to more than"),
    ],
)
def test_other_archives_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, fault: str
) -> None:
    monkeypatch.setattr(module, "MOST_MEMBERS", 30)
    monkeypatch.setattr(module, "MOST_ARCHIVE_BYTES", 2**19)
    path = tmp_path / "given.tgz"
    path.write_bytes(content)
    with pytest.raises(PackageError, match=fault) as refused:
        runtime_files(path)
    assert "npm pack" in str(refused.value)
    assert [each.name for each in tmp_path.iterdir()] == ["given.tgz"]  # nothing was written


@pytest.mark.usefixtures("pinned")
def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    for path in (tmp_path / "none.tgz", tmp_path):
        with pytest.raises(PackageError, match="does not exist, expected"):
            runtime_files(path)
