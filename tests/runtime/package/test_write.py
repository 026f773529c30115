import os
import zipfile
from pathlib import Path

import pytest

from levit_edge.cli.main import run
from levit_edge.errors import ExitStatus, OutputError
from levit_edge.runtime.bundle import Bundle
from levit_edge.runtime.package.package import Package
from levit_edge.runtime.package.write import write_package


def test_an_older_package_is_replaced_even_if_it_is_damaged(
    board_package: bytes, android_package: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "colours.zip"
    write_package(path, board_package)
    path.write_bytes(board_package.replace(b"red\n", b"rad\n", 1))
    write_package(path, android_package)
    assert path.read_bytes() == android_package
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", ["text", "other zip", "folder", "link"])
def test_nothing_else_is_replaced(android_package: bytes, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "mine.zip"
    if kind == "text":
        path.write_text("precious")
    elif kind == "other zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("model.json", '{"precious": true}')
    elif kind == "folder":
        path.mkdir()
    else:
        (tmp_path / "target.zip").write_bytes(android_package)
        path.symlink_to("target.zip")
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(OutputError, match=r"mine\.zip (exists and is not a package|is there and is not a file)"):
        write_package(path, android_package)
    assert (path.read_bytes() if path.is_file() else None) == before


def test_a_disk_that_refuses_leaves_the_older_package(
    board_package: bytes, android_package: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "colours.zip"
    write_package(path, board_package)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        write_package(path, android_package)
    assert path.read_bytes() == board_package
    assert list(tmp_path.iterdir()) == [path]


def test_the_command_names_the_package_after_the_bundle(
    packable_bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["package", str(packable_bundle.path), "--for", "android"]) == ExitStatus.DONE
    assert "colours-android.zip: 0.0" in capsys.readouterr().out
    Package.parse((tmp_path / "colours-android.zip").read_bytes(), "it")


def test_a_package_cannot_be_made_of_something_else(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "x.zip"
    assert run(["package", str(tmp_path), "--for", "board", "--output", str(output)]) == ExitStatus.BAD_INPUT
    assert "expected a bundle made by" in capsys.readouterr().err
    assert not output.exists()
