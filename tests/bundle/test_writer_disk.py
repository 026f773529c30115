"""Disks that are full, too small or read-only."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.writer import new_bundle
from levit_edge.errors import OutputError
from tests.conftest import DISK_KIB

LARGE_FILE = """
import resource, sys
from pathlib import Path
from levit_edge.errors import OutputError
from levit_edge.bundle.writer import new_bundle

resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, 64 * 1024))
with new_bundle(Path(sys.argv[1])) as writer:
    try:
        writer.add("int8.onnx", bytes(65 * 1024))
    except OutputError as error:
        print(error)
"""
"""In a process of its own: the limit would hold for the file that pytest's output may go to."""


def put_bundle(source: Path, output: Path) -> None:
    bundle = Bundle.open(source)
    with new_bundle(output) as writer:
        for name in bundle.manifest.files:
            writer.add(name, bundle.read(name))
        writer.commit(bundle.manifest)


def test_a_full_disk_is_an_error_and_the_old_bundle_stays(tiny_bundle: Path, small_disk: Path) -> None:
    put_bundle(tiny_bundle, small_disk / "out")
    with new_bundle(small_disk / "out") as writer, pytest.raises(OutputError, match="No space left on device"):
        writer.add("int8.onnx", bytes(DISK_KIB * 1024))
    assert Bundle.open(small_disk / "out").labels()
    assert [path.name for path in small_disk.iterdir()] == ["out"]


def test_a_disk_without_room_for_the_manifest_is_an_error_too(tiny_bundle: Path, small_disk: Path) -> None:
    put_bundle(tiny_bundle, small_disk / "out")
    bundle = Bundle.open(small_disk / "out")
    with new_bundle(small_disk / "out") as writer:
        for name in bundle.manifest.files:
            writer.add(name, b"")
        free_bytes = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
        writer.add("filler", bytes(free_bytes))
        with pytest.raises(OutputError, match="No space left on device"):
            writer.commit(bundle.manifest)
    assert Bundle.open(small_disk / "out").labels()
    assert [path.name for path in small_disk.iterdir()] == ["out"]


def test_a_limit_on_file_sizes_is_an_error_and_the_old_bundle_stays(bundle_path: Path) -> None:
    command = [sys.executable, "-c", LARGE_FILE, str(bundle_path)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    assert "File too large" in result.stdout
    assert Bundle.open(bundle_path).labels()
    assert [path.name for path in bundle_path.parent.iterdir()] == ["bundle"]


@pytest.mark.parametrize("name", ["out", "new/out"])
def test_a_read_only_folder_is_an_error_before_any_long_work(read_only: Path, name: str) -> None:
    with (
        pytest.raises(OutputError, match=r"disk is not writable"),
        new_bundle(read_only / name),
    ):
        pytest.fail("the long work has begun")
    assert list(read_only.iterdir()) == []


@pytest.mark.parametrize("name", ["out", "new/out"])
def test_too_little_free_disk_is_an_error_before_any_long_work(tmp_path: Path, name: str) -> None:
    with (
        pytest.raises(OutputError, match=r"MiB free, the bundle needs about 1099511627776 MiB"),
        new_bundle(tmp_path / name, expected_bytes=2**60),
    ):
        pytest.fail("the long work has begun")
    assert list(tmp_path.iterdir()) == []
