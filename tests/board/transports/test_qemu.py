"""What is said about emulated processors before anything runs."""

from pathlib import Path

import pytest

from levit_edge.board.setup import set_up
from levit_edge.board.transports.qemu import CPUS, QemuTransport, default_folder
from levit_edge.board.transports.target import open_target
from levit_edge.errors import BoardError
from tests.board.qemu_script import make_emulator


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of an emulator, which is the one that targets name."""
    monkeypatch.setenv("LEVIT_EDGE_BOARDS", str(tmp_path / "boards"))
    return make_emulator(tmp_path / "boards").folder


@pytest.mark.parametrize("cpu", CPUS)
def test_processors_are_passed_on(folder: Path, cpu: str) -> None:
    transport = open_target(f"qemu:{cpu}")
    command = transport.command(["-c", "pass"])
    assert command[:5] == [str(folder / "qemu/usr/bin/qemu-aarch64"), "-cpu", cpu, "-L", str(folder / "root")]
    assert command[-3:] == [str(folder / "root/usr/bin/python3.13"), "-c", "pass"]
    assert {f"PYTHONHOME={folder / 'root/usr'}", f"PYTHONPATH={folder / 'site'}", "OMP_NUM_THREADS=1"} < set(command)
    assert transport.emulator is not None


@pytest.mark.parametrize("cpu", ["max", "cortex-a9", "", "Cortex-A76", "../cortex-a76"])
def test_other_processors_are_refused_with_a_list(cpu: str) -> None:
    with pytest.raises(BoardError, match=r"expected one of cortex-a35, cortex-a53.*neoverse-n2"):
        open_target(f"qemu:{cpu}")


def test_a_missing_emulator_says_what_makes_it(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match=rf"{tmp_path}/qemu/usr/bin/qemu-aarch64.*scripts/board/setup.sh {tmp_path}"):
        QemuTransport("qemu:cortex-a53", folder=tmp_path)


def test_a_missing_part_is_named_alone(folder: Path) -> None:
    (folder / "site").rmdir()
    with pytest.raises(BoardError, match=rf"^qemu:cortex-a53: {folder}/site: not there"):
        open_target("qemu:cortex-a53")


def test_python_and_packages_are_the_emulators_own(folder: Path) -> None:
    assert folder.is_dir()
    with pytest.raises(BoardError, match="--python"):
        open_target("qemu:cortex-a53", python="/usr/bin/python3")
    with pytest.raises(BoardError, match="--setup"):
        set_up(open_target("qemu:cortex-a53"))


def test_the_emulators_last_words_are_told(folder: Path) -> None:
    told = QemuTransport("qemu:cortex-a53", folder=folder).explain(1, "first\nFatal Python error: init_fs_encoding\n")
    assert "status 1: Fatal Python error: init_fs_encoding" in told
    assert "scripts/board/setup.sh" in told


def test_where_emulators_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LEVIT_EDGE_BOARDS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/cache")
    assert default_folder() == Path("/cache/levit-edge/boards")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_folder() == Path.home() / ".cache/levit-edge/boards"
