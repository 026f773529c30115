import os
from contextlib import suppress
from pathlib import Path

import pytest

from levit_edge.errors import OutputError
from levit_edge.system.atomic import require_writable, reserved, write_whole
from tests.conftest import DISK_KIB, dead_process


def test_paths_that_cannot_be_written_are_refused_first(tmp_path: Path) -> None:
    require_writable(tmp_path / "new.png", "--plot")
    with pytest.raises(OutputError, match=r"does not exist, so .* Create it first"):
        require_writable(tmp_path / "nowhere" / "new.png", "--plot")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(OutputError, match=r"is a folder, expected a file\. Choose another --output"):
        require_writable(tmp_path / "folder.png", "--output")


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    for data in (b"first", b"second"):
        write_whole(path, data, "--output")
        assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]


def test_one_that_fails_leaves_the_older_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.html").write_bytes(b"older")

    def full(_self: Path, _target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OutputError, match=r"a\.html cannot be written: No space left.*another --output"):
        write_whole(tmp_path / "a.html", b"newer", "--output")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"older"]


def test_what_killed_runs_have_half_written_is_removed_and_nothing_else(tmp_path: Path) -> None:
    keep = [f".a.html.partial-{os.getpid()}", ".a.html.partial-mine", f".b.html.partial-{dead_process()}", "a.html"]
    for name in (*keep, f".a.html.partial-{dead_process()}-0123abcd", f".a.html.partial-{dead_process()}"):
        (tmp_path / name).write_bytes(b"half")
    with reserved(tmp_path / "a.html", "--output"):
        write_whole(tmp_path / "a.html", b"whole", "--output")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(keep)
    assert (tmp_path / "a.html").read_bytes() == b"whole"


def test_a_full_disk_leaves_the_older_file_and_no_lock(small_disk: Path) -> None:
    path = small_disk / "a.html"
    path.write_bytes(b"older")
    with (
        pytest.raises(OutputError, match=r"a\.html cannot be written: No space left on device"),
        reserved(path, "--output"),
    ):
        write_whole(path, bytes(2 * DISK_KIB * 1024), "--output")
    assert [each.name for each in small_disk.iterdir()] == ["a.html"]
    assert path.read_bytes() == b"older"


def test_a_disk_without_room_for_anything_still_has_locks(small_disk: Path) -> None:
    with (small_disk / "ballast").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    with reserved(small_disk / "a.html", "--output"), pytest.raises(OutputError, match="No space left"):
        write_whole(small_disk / "a.html", bytes(4096), "--output")
    assert [each.name for each in small_disk.iterdir()] == ["ballast"]


def test_a_read_only_folder_is_one_message(read_only: Path) -> None:
    with (
        pytest.raises(OutputError, match=r"(not writable|cannot be written: Read-only)"),
        reserved(read_only / "a.html", "--output"),
    ):
        pytest.fail("reserved")
    assert list(read_only.iterdir()) == []
