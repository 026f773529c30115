import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from levit_edge.bundle.reader import Bundle
from levit_edge.cli.main import run
from levit_edge.errors import ExitStatus, OutputError
from levit_edge.package.package import Package
from levit_edge.package.write import write_package


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
    with pytest.raises(OutputError, match=r"mine\.zip (exists and is not a package|is a folder, expected a file)"):
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


@pytest.mark.parametrize("last", [0, 1])
def test_a_signature_never_lies_beside_other_bytes(
    board_package: bytes, android_package: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    """Ended before the package is in its place, and before its signature is."""
    path, replaced, calls = tmp_path / "colours.zip", Path.replace, list[Path]()
    write_package(path, board_package, b"o" * 64)

    def interrupted(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) > last:
            raise KeyboardInterrupt
        return replaced(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_package(path, android_package, b"n" * 64)
    assert path.read_bytes() == (android_package if last else board_package)
    assert list(tmp_path.iterdir()) == [path]


def test_a_package_and_its_signature_that_do_not_fit_on_the_disk_leave_the_older_ones(
    board_package: bytes, small_disk: Path, packable_bundle: Bundle, capsys: pytest.CaptureFixture[str]
) -> None:
    path = small_disk / "colours.zip"
    write_package(path, board_package, b"o" * 64)
    ballast = small_disk / "ballast"
    free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
    ballast.write_bytes(bytes(max(0, free - len(board_package) // 2)))
    arguments = ["package", str(packable_bundle.path), "--for", "board", "--output", str(path)]
    assert run(arguments) == ExitStatus.BAD_INPUT
    assert "colours.zip cannot be written: No space left on device" in capsys.readouterr().err
    assert sorted(each.name for each in small_disk.iterdir()) == ["ballast", "colours.zip", "colours.zip.sig"]
    assert path.read_bytes() == board_package


AS_ANOTHER_USER = """
import os, sys
from levit_edge.cli.main import run
arguments = ["package", sys.argv[1], "--for", "board", "--output"]
assert run([*arguments, sys.argv[2]]) == 0  # also imports what it needs
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
print(*(run([*arguments, path]) for path in sys.argv[3:]))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_folder_of_another_user_is_one_message(packable_bundle: Bundle, tmp_path: Path) -> None:
    """root may write anywhere: the command runs as nobody."""
    (tmp_path / "mine").mkdir(mode=0o755)
    paths = [tmp_path / "mine" / "good.zip", tmp_path / "mine" / "bad.zip", tmp_path / "nowhere" / "new.zip"]
    command = [sys.executable, "-c", AS_ANOTHER_USER, packable_bundle.path, *paths]
    bundle = packable_bundle.path
    for folder in (tmp_path, *tmp_path.parents, bundle, *bundle.parents):  # pytest's folders are for root alone
        if folder.is_relative_to(tmp_path.parents[2]):
            folder.chmod(0o755)
    result = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "3 3"
    assert [line.partition(":")[0] for line in result.stderr.splitlines()] == ["error", "error"]
    assert "mine is not writable" in result.stderr
    assert "nowhere does not exist" in result.stderr
    assert [each.name for each in (tmp_path / "mine").iterdir()] == ["good.zip"]


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
