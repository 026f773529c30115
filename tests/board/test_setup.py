"""`--setup`: private environments, on this computer."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from levit_edge.board.session import Session
from levit_edge.board.setup import platforms, set_up
from levit_edge.board.transports.local import LocalTransport
from levit_edge.bundle.kinds import Runtime
from levit_edge.errors import BoardError
from tests.board.conftest import Place
from tests.board.stand_in import HELLO, answering

Frames = list[tuple[str, dict[str, Any]]]


# --- what fits a board -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("machine", "libc", "newest", "count"),
    [
        ("aarch64", ["glibc", "2.41"], "manylinux_2_41_aarch64", 26),
        ("armv7l", ["glibc", "2.17"], "manylinux_2_17_armv7l", 2),
        ("x86_64", ["glibc", "2.36"], "manylinux_2_36_x86_64", 21),
    ],
)
def test_wheels_are_those_of_the_boards_library_and_older(
    machine: str, libc: Sequence[str], newest: str, count: int
) -> None:
    found = platforms(machine, libc)
    assert found[0] == newest
    assert found[-2:] == (f"manylinux_2_17_{machine}", f"manylinux2014_{machine}")
    assert len(found) == count


@pytest.mark.parametrize(
    ("machine", "libc"),
    [
        ("aarch64", ["musl", "1.2"]),
        ("aarch64", []),
        ("aarch64", ["glibc"]),
        ("aarch64", ["glibc", ""]),
        ("aarch64", ["glibc", "3.1"]),
        ("aarch64", ["glibc", "2.x"]),
        ("riscv64", ["glibc", "2.41"]),
        ("", ["glibc", "2.41"]),
        ("aarch64 --index-url=evil", ["glibc", "2.41"]),
    ],
)
def test_a_board_whose_wheels_are_not_known_is_an_error(machine: str, libc: Sequence[str]) -> None:
    with pytest.raises(BoardError, match=r"is not known here: install numpy and onnxruntime on it by its own means"):
        platforms(machine, libc)


# --- what is asked of the board --------------------------------------------------------------------------------------

ABI = {"machine": "aarch64", "libc": ["glibc", "2.41"]}


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Frames:
    """What boards are asked."""
    asked: Frames = []
    original = Session.request

    def request(self: Session, do: str, **arguments: Any) -> None:
        asked.append((do, arguments))
        original(self, do, **arguments)

    monkeypatch.setattr(Session, "request", request)
    return asked


@pytest.mark.parametrize(
    ("python", "runtimes", "packages"),
    [
        ([3, 13, 1], None, ["numpy", "onnxruntime", "executorch-numpy-runtime"]),
        ([3, 11, 2], None, ["numpy", "onnxruntime"]),
        ([3, 11, 2], (Runtime.EXECUTORCH,), ["numpy", "executorch", "torch"]),
        ([3, 13, 1], (Runtime.EXECUTORCH,), ["numpy", "executorch-numpy-runtime"]),
    ],
)
def test_the_board_fetches_what_fits_its_python(
    requests: Frames, python: list[int], runtimes: tuple[Runtime, ...] | None, packages: list[str]
) -> None:
    board = answering(hello=HELLO | {"python": python}, setup={"place": "/home/pi/.local/share/levit-edge/board"})
    assert set_up(board, runtimes) == "/home/pi/.local/share/levit-edge/board"
    assert requests[-1] == ("setup", {"requirements": packages, "wheels": False})


def test_wheels_are_fetched_here_for_a_board_without_network(requests: Frames, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def run(command: list[str], **_options: Any) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        folder = Path(command[command.index("--dest") + 1])
        for name in ("numpy-2-cp313.whl", "pip-26-py3.whl"):
            (folder / name).write_bytes(name.encode())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    told: list[str] = []
    board = answering(hello=HELLO | {"python": [3, 13, 1], "abi": ABI}, setup={"place": "there"})
    assert set_up(board, offline=True, progress=lambda what, _done, _total: told.append(what)) == "there"
    (command,) = commands
    assert command[1:4] == ["-m", "pip", "download"]
    assert command[-4:] == ["numpy", "onnxruntime", "executorch-numpy-runtime", "pip"]
    assert command[command.index("--python-version") + 1] == "3.13"
    assert "--only-binary=:all:" in command
    assert [command[at + 1] for at, word in enumerate(command) if word == "--abi"] == ["cp313", "abi3", "none"]
    assert [do for do, _ in requests] == ["hello", "put", "put", "setup"]
    assert [arguments.get("name") for _, arguments in requests[1:3]] == ["numpy-2-cp313.whl", "pip-26-py3.whl"]
    assert requests[-1][1]["wheels"] is True
    assert told == ["fetch packages", "send numpy-2-cp313.whl", "send pip-26-py3.whl"]


def test_wheels_that_cannot_be_fetched_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], **_options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(
            command, 1, "", "WARNING: x\nERROR: first\nERROR: No matching distribution\nnotice"
        )

    monkeypatch.setattr(subprocess, "run", run)
    board = answering(hello=HELLO | {"python": [3, 13, 1], "abi": ABI})
    complaint = (
        r"board: numpy, onnxruntime, executorch-numpy-runtime cannot be fetched for Python 3\.13 on"
        r" manylinux2014_aarch64: ERROR: No matching distribution"
    )
    with pytest.raises(BoardError, match=complaint):
        set_up(board, offline=True)


@pytest.mark.parametrize("abi", [None, [], {}, {"machine": 7, "libc": "glibc"}, {"machine": "aarch64", "libc": [1, 2]}])
def test_a_board_that_does_not_say_what_it_is_gets_no_wheels(abi: Any) -> None:
    with pytest.raises(BoardError, match="is not known here"):
        set_up(answering(hello=HELLO | {"abi": abi}), offline=True)


@pytest.mark.parametrize("place", [None, ["x"], "\x1b[2J/home"])
def test_a_place_is_harmless_text(place: Any) -> None:
    assert set_up(answering(hello=HELLO, setup={"place": place})).isprintable()


# --- for real --------------------------------------------------------------------------------------------------------


@pytest.fixture
def data(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this computer's private environment is, while it is a board."""
    del place
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data" / "levit-edge"


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Those of pip and of a small package, from the package index."""
    folder = tmp_path_factory.mktemp("wheels")
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--retries=0",
        "--dest",
        str(folder),
        "pip",
        "packaging",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"the package index cannot be reached: {done.stderr.strip().splitlines()[-1]}")
    return sorted(folder.glob("*.whl"))


def imported(python: Path) -> str:
    """Where the environment's Python finds the package."""
    code = "import packaging; print(packaging.__file__)"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [python, "-c", code], capture_output=True, text=True, check=True, env=environment
    ).stdout.strip()


@pytest.mark.device
@pytest.mark.usefixtures("wheels")
def test_an_environment_is_made_from_the_package_index(data: Path) -> None:
    told: list[str] = []
    with Session(LocalTransport(), needed_bytes=0, progress=lambda what, _done, _total: told.append(what)) as board:
        assert board.ask("setup", requirements=["packaging"], wheels=False) == {"place": str(data / "board")}
    assert told == ["set up environment", "set up packages"]
    assert imported(data / "board/bin/python").startswith(str(data / "board"))
    assert [path.name for path in data.iterdir()] == ["board"]


def put_all(board: Session, files: Sequence[Path]) -> None:
    for file in files:
        board.put(file.name, file.read_bytes())


@pytest.mark.device
def test_an_environment_is_made_from_wheels_and_replaces_the_one_before(data: Path, wheels: list[Path]) -> None:
    (data / "board").mkdir(parents=True)
    (data / "board" / "old").write_text("")
    (data / f"board.new-{1 << 23}").mkdir()  # of an agent that was killed
    with Session(LocalTransport(), needed_bytes=0) as board:
        put_all(board, wheels)
        assert board.ask("setup", requirements=["packaging"], wheels=True)["place"] == str(data / "board")
    assert imported(data / "board/bin/python").startswith(str(data / "board"))
    assert not (data / "board" / "old").exists()
    assert [path.name for path in data.iterdir()] == ["board"]


@pytest.mark.device
def test_one_that_cannot_be_made_leaves_the_one_before(data: Path, wheels: list[Path]) -> None:
    (data / "board").mkdir(parents=True)
    with Session(LocalTransport(), needed_bytes=0) as board:
        put_all(board, wheels)
        complaint = (
            r"the private environment could not be made: .*No matching distribution found for levit-edge-not-there"
        )
        with pytest.raises(BoardError, match=complaint):
            board.ask("setup", requirements=["levit-edge-not-there"], wheels=True)
        assert board.ask("hello")["python"]
    assert [path.name for path in data.iterdir()] == ["board"]


def test_a_connection_that_is_lost_leaves_no_half_of_one(data: Path, place: Place) -> None:
    with Session(LocalTransport(), needed_bytes=0) as board:
        board.request("setup", requirements=["packaging"], wheels=False)
        while not list(data.glob("board.new-*/lib/*/site-packages/pip/_vendor")):  # it is being written
            time.sleep(0.01)
        assert len(place.processes()) >= 2
    assert place.processes() == []
    assert list(data.iterdir()) == []


def test_a_place_that_cannot_be_written_is_an_error(data: Path, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with (
        Session(LocalTransport(), needed_bytes=0) as board,
        pytest.raises(BoardError, match=r"Not a directory|File exists"),
    ):
        board.ask("setup", requirements=["packaging"], wheels=True)
    assert not data.exists()
