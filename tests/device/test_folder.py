"""Where an agent puts its files, and disks that are full."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from levit_edge.board.session import Session
from levit_edge.board.transports.local import LocalTransport
from levit_edge.device.folder import FOLDER_PREFIX
from levit_edge.errors import BoardError
from tests.board.conftest import Place

HIGHEST_PID = 1 << 22
"""Of Linux on 64-bit machines: no process has a higher one."""
DISK = 1 << 20


def test_only_folders_of_dead_agents_are_removed(place: Place) -> None:
    alive, dead = f"{FOLDER_PREFIX}{os.getpid()}-abc", f"{FOLDER_PREFIX}{HIGHEST_PID + 1}-abc"
    others = (f"{FOLDER_PREFIX}notes-abc", FOLDER_PREFIX, "levit-edge")
    for name in (alive, dead, *others):
        (place.folder / name).mkdir()
    with Session(LocalTransport(), needed_bytes=0) as board:
        own = Path(board.ask("hello")["folder"]).name
        assert place.files() == sorted([alive, own, *others])
    for name in (alive, *others):
        (place.folder / name).rmdir()


@pytest.fixture
def small_disk(place: Place) -> Iterator[Path]:
    """A disk of 1 MiB where the agent puts its files."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(place.folder)]
    mounted = subprocess.run(command, check=False, capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield place.folder
        place.wait_for_the_end()
        assert place.files() == []
    finally:
        subprocess.run(["umount", "--lazy", place.folder], check=True)


@pytest.mark.parametrize("size", [DISK + 1, 3 * DISK, 3 * DISK + 1])
def test_a_disk_that_fills_up_is_an_error_and_the_next_file_finds_room(small_disk: Path, size: int) -> None:
    with Session(LocalTransport(), needed_bytes=0) as board:
        with pytest.raises(
            BoardError, match=r"the board's disk is full: .*: No space left on device\. Free some space"
        ):
            board.put("large", bytes(size))
        assert [path.name for path in small_disk.glob("*/*")] == []
        board.put("small", b"content")
        assert [path.read_bytes() for path in small_disk.glob("*/*")] == [b"content"]


def test_a_last_part_that_fits_only_in_part_is_an_error(small_disk: Path) -> None:
    """The system writes what fits and calls that done."""
    (small_disk / "ballast").write_bytes(bytes(DISK - (DISK >> 2)))
    with Session(LocalTransport(), needed_bytes=0) as board:
        with pytest.raises(BoardError, match="the board's disk is full"):
            board.put("large", bytes(DISK >> 1))
        assert [path.name for path in small_disk.glob("*/*")] == []
    (small_disk / "ballast").unlink()


def test_too_little_room_is_said_before_anything_is_sent(place: Place) -> None:
    with (
        pytest.raises(
            BoardError, match=r"local: 4194305 MiB are needed for the files, and .*place has \d+, .* free\.$"
        ),
        Session(LocalTransport(), needed_bytes=1 << 42),
    ):
        pytest.fail("it has started")
    assert place.files() == []


def test_another_folder_is_taken_where_the_first_has_no_room(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with Session(LocalTransport(), needed_bytes=DISK + 1) as board:
        assert Path(board.ask("hello")["folder"]).parent != small_disk
