"""`--on adb` against a real aarch64 adbd, reached by the machine's own adb."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from levit_edge.board.android.device import android_facts
from levit_edge.board.facts.device import describe_device
from levit_edge.board.transports.adb_device import AdbDevice
from levit_edge.errors import BoardError
from tests.arm.board import Board
from tests.arm.commands import Started, until
from tests.arm.conftest import Adb, StartBoard
from tests.integration.conftest import levit_edge

pytestmark = pytest.mark.device


@pytest.fixture
def connect(adb: Adb, adb_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """Connect our own adb server to a board; it is disconnected in the end."""
    for name, value in adb_environment.items():
        monkeypatch.setenv(name, value)

    def connected(board: Board) -> str:
        assert "connected to" in adb("connect", board.serial).stdout
        until(lambda: f"{board.serial}\tdevice" in adb("devices").stdout)
        return f"adb:{board.serial}"

    yield connected
    adb("disconnect")


@pytest.fixture
def target(connect: Callable[..., str], board: Board) -> Iterator[str]:
    """The shared board over adb, on which nothing may be left."""
    yield connect(board)
    until(lambda: board.processes() == [])
    assert board.files() == []


@pytest.fixture
def long_run(tiny_bundle: Path, started: Started) -> Callable[[str, Board], "subprocess.Popen[str]"]:
    """Start a measurement that would take minutes, and wait until the board works."""

    def start(target: str, board: Board) -> "subprocess.Popen[str]":
        process = started("bench", tiny_bundle, "--on", target, "--threads", "1", "--sustained", "300")
        until(lambda: any(each.endswith("/golden.npz") for each in board.files()) or process.poll() is not None)
        return process

    return start


def message(run: "subprocess.CompletedProcess[str]") -> str:
    """What a command says whose input is at fault."""
    assert run.returncode == 3, run.stderr
    return run.stderr


def test_the_demo_is_measured(target: str, demo_bundle: tuple[Path, Any], tmp_path: Path) -> None:
    run = levit_edge(
        "bench",
        demo_bundle[0],
        "--on",
        target,
        "--runs",
        "2",
        "--threads",
        "1",
        "--json",
        "--save",
        tmp_path / "results",
    )
    assert run.returncode == 0, run.stderr
    measured = json.loads(run.stdout)
    assert measured["target"] == target
    assert measured["device"]["architecture"] == "aarch64"
    assert [each["name"] for each in measured["device"]["cores"]] == ["Cortex-A76"]
    assert "asimddp" in measured["device"]["features"]
    assert measured["device"]["emulator"].startswith("qemu-user")
    rows = {each["artifact"]: each for each in measured["results"]}
    assert sorted(rows) == ["fp32.onnx", "fp32.pte", "int8-f16.pte", "int8.onnx", "int8.pte"]
    for row in rows.values():
        assert (row["error"], row["runs"]) == ("", 2), row
        assert row["golden"]["images"] == row["golden"]["same_top1"] > 0
    (saved,) = (tmp_path / "results").iterdir()
    assert json.loads(saved.read_text())["target"] == "adb"


def test_photographs_are_evaluated(target: str, tiny_bundle: Path, labelled_photographs: Path) -> None:
    run = levit_edge("verify", tiny_bundle, "--on", target, "--evaluation", labelled_photographs, "--json")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["samples"] == 32


def test_the_only_device_needs_no_serial_number(target: str, tiny_bundle: Path) -> None:
    del target
    run = levit_edge("bench", tiny_bundle, "--on", "adb", "--runs", "1", "--threads", "1")
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("adb: ")


def test_of_two_devices_one_has_to_be_named(
    target: str, start_board: StartBoard, connect: Callable[..., str], tiny_bundle: Path
) -> None:
    other = start_board(adb=True)
    targets = {target, connect(other)}
    said = message(levit_edge("bench", tiny_bundle, "--on", "adb"))
    assert "adb lists 2 devices" in said
    assert all(f"{each.removeprefix('adb:')} (device)" in said for each in targets)
    run = levit_edge("bench", tiny_bundle, *(part for each in targets for part in ("--on", each)), "--runs", "1")
    assert run.returncode == 0, run.stderr
    assert all(f"{each}: " in run.stdout for each in targets)
    assert other.files() == []
    other.stop()


def test_a_device_that_is_not_connected_is_said(target: str, tiny_bundle: Path) -> None:
    said = message(levit_edge("bench", tiny_bundle, "--on", "adb:127.0.0.1:1"))
    assert "adb:127.0.0.1:1 is not connected: `adb connect 127.0.0.1:1` first" in said
    assert f"adb lists {target.removeprefix('adb:')} (device)" in said


def test_bytes_and_exit_status_come_back_as_they_are(target: str) -> None:
    content = bytes(range(256)) * 4096
    done = subprocess.run(
        AdbDevice(target).command("cat; echo err >&2; exit 7"), input=content, capture_output=True, check=False
    )
    assert done.stdout == content
    assert (done.stderr, done.returncode) == (b"err\n", 7)


def test_a_folder_is_pushed_for_everybody_to_read(target: str, tmp_path: Path) -> None:
    (tmp_path / "int8.pte").mkdir(mode=0o700)
    (tmp_path / "int8.pte" / "model.json").write_bytes(b"{}")
    (tmp_path / "int8.pte" / "model.json").chmod(0o600)
    device, there = AdbDevice(target), "/data/local/tmp/levit-edge-pushed"
    device.push(tmp_path, there)
    listed = device.shell(
        f"cd {there} && stat -c %a . int8.pte int8.pte/model.json && cat int8.pte/model.json; rm -r {there}"
    )
    *modes, content = listed.stdout.decode().splitlines()
    assert [int(mode, 8) & 0o005 for mode in modes] == [0o005, 0o005, 0o004]
    assert content == "{}"
    with pytest.raises(BoardError, match=r"cannot be written on the device: adb: error: failed to copy"):
        device.push(tmp_path, "/proc/levit-edge-pushed")


def test_the_shell_alone_tells_what_the_device_is(target: str) -> None:
    """As on a phone without Python; the board has no getprop, whose answers are then unknown."""
    device = describe_device(android_facts(AdbDevice(target)))
    assert device.architecture == "aarch64"
    assert [(each.name, each.count, each.max_mhz) for each in device.cores] == [("Cortex-A76", 1, 2400.0)]
    assert "asimddp" in device.features
    assert device.memory_bytes > 2**28
    assert (device.model, device.system, device.python) == ("unknown", "unknown", "none")


def test_the_agent_works_where_the_shell_may_write(
    target: str, board: Board, long_run: Callable[[str, Board], "subprocess.Popen[str]"]
) -> None:
    long_run(target, board)
    assert all(each.startswith("/data/local/tmp/levit-edge-agent-") for each in board.files())


@pytest.mark.parametrize("cut", ["disconnect", "kill-server"])
def test_a_lost_connection_is_said_and_leaves_nothing(
    target: str, board: Board, adb: Adb, long_run: Callable[[str, Board], "subprocess.Popen[str]"], cut: str
) -> None:
    process = long_run(target, board)
    adb(cut, *([board.serial] if cut == "disconnect" else []))
    said = process.communicate()[1]
    assert process.returncode == 3
    assert said.endswith(
        f"error: {target}: the connection was lost while the board worked; it removes its files by itself.\n"
    )


def test_an_adbd_that_dies_is_said(
    start_board: StartBoard,
    connect: Callable[..., str],
    long_run: Callable[[str, Board], "subprocess.Popen[str]"],
) -> None:
    """The emulated board ends with its adbd; a phone starts a new one."""
    board = start_board(adb=True)
    process = long_run(connect(board), board)
    board.shell("pkill adbd")
    assert "the connection was lost while the board worked" in process.communicate()[1]
    assert process.returncode == 3


def test_a_device_that_has_gone_is_said(
    start_board: StartBoard, connect: Callable[..., str], tiny_bundle: Path
) -> None:
    """adb calls it offline for a while, and then does not list it any more."""
    board = start_board(adb=True)
    target = connect(board)
    board.stop()
    said = message(levit_edge("bench", tiny_bundle, "--on", target))
    assert "it does not answer adb" in said or "is not connected" in said


def test_a_board_without_python_is_told_how_to_get_it(
    start_board: StartBoard, connect: Callable[..., str], tiny_bundle: Path
) -> None:
    board = start_board(adb=True, without_python=True)
    target = connect(board)
    said = message(levit_edge("bench", tiny_bundle, "--on", target))
    assert f"{target}: there is no python3 on the device" in said
    assert "on Linux install Python 3.9 or newer" in said
    assert "dev.levitedge.demo" not in said
    assert "/nowhere/python" in message(levit_edge("bench", tiny_bundle, "--on", target, "--python", "/nowhere/python"))
    assert board.files() == []
    board.stop()
