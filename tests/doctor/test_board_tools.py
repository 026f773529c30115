from pathlib import Path

import pytest

from levit_edge.board.transports.qemu import Emulator
from levit_edge.doctor import board_tools
from levit_edge.doctor.board_tools import check_adb, check_counting, check_emulated_boards, check_ssh


@pytest.fixture
def boards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LEVIT_EDGE_BOARDS", str(tmp_path / "boards"))
    return tmp_path / "boards"


def program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_clients_give_their_versions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "ssh", 'test "$1" = -V && echo OpenSSH_9.2p1 >&2')
    program(
        tmp_path / "adb", 'test "$1" = version && printf "Android Debug Bridge version 1.0.41\\nInstalled as adb\\n"'
    )
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert (check_ssh().status, check_ssh().found) == ("ok", "OpenSSH_9.2p1")
    assert (check_adb().status, check_adb().found) == ("ok", "Android Debug Bridge version 1.0.41")


def test_clients_that_are_not_there_or_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (check_ssh().status, check_ssh().found) == ("missing", "not on PATH")
    assert "openssh-client" in check_ssh().advice
    program(tmp_path / "ssh", "echo broken; exit 1")
    assert (check_ssh().status, check_ssh().found) == ("problem", f"{tmp_path / 'ssh'} does not run")
    (tmp_path / "adb").write_bytes(b"\x7fELF")
    (tmp_path / "adb").chmod(0o755)
    assert check_adb().status == "problem"


def test_a_client_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "adb", "echo adb 1.0; exec /bin/sleep 15")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(board_tools, "TIMEOUT_S", 0.2)
    assert check_adb().status == "problem"


def test_emulated_boards(boards: Path) -> None:
    check = check_emulated_boards()
    assert (check.status, check.found) == ("missing", f"{boards} is not there")
    assert check.advice.endswith(f"scripts/board/setup.sh {boards}")
    emulator = Emulator(cpu="cortex-a76", folder=boards)
    for part in (emulator.python, emulator.packages):
        part.mkdir(parents=True)
    check = check_emulated_boards()
    assert (check.status, check.found) == ("problem", f"{boards} lacks qemu/usr/bin/qemu-aarch64")
    program(emulator.program, "echo broken; exit 1")
    assert (check_emulated_boards().status, "does not run" in check_emulated_boards().found) == ("problem", True)
    program(emulator.program, "echo qemu-aarch64 version 10.0.13")
    check = check_emulated_boards()
    assert (check.status, check.found, check.advice) == ("ok", f"qemu-aarch64 version 10.0.13, in {boards}", "")


def test_counting(boards: Path) -> None:
    emulator = Emulator(cpu="cortex-a76", folder=boards)
    for part in (emulator.counting_program, emulator.counting_plugin):
        check = check_counting()
        assert check.status == "missing"
        assert str(part.relative_to(boards)) in check.found
        assert check.advice.endswith(f"scripts/board/setup.sh {boards} --counting")
        part.parent.mkdir(parents=True, exist_ok=True)
        part.touch()
    assert check_counting().status == "ok"
