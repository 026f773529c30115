"""Emulated aarch64 boards for tests. They need root, Debian's packages and namespaces; without those, tests skip and
say why, and fail where CI is set.
"""

import itertools
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.arm.board import SCRIPTS, Board, free_ports
from tests.arm.commands import Started, until
from tests.conftest import unavailable
from tests.integration.conftest import COMMAND

StartBoard = Callable[..., Board]
Adb = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def board_folder() -> Path:
    """What boards are made of; LEVIT_EDGE_BOARDS overrides where it is. Made the first time, which takes minutes."""
    if os.getuid() != 0:
        unavailable("emulated boards need root")
    namespaces = ["unshare", "--user", "--map-root-user", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork"]
    probe = subprocess.run(
        [*namespaces, "mount", "-t", "binfmt_misc", "none", "/mnt"], capture_output=True, text=True, check=False
    )
    if probe.returncode:
        unavailable(f"emulated boards need namespaces and, in them, binfmt_misc (Linux 6.7): {probe.stderr.strip()}")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(os.environ.get("LEVIT_EDGE_BOARDS") or cache / "levit-edge" / "boards").resolve()
    # Also what one file alone needs: a part that is out of date cannot be made while another process has a board.
    made = subprocess.run([SCRIPTS / "setup.sh", folder, "--peers"], capture_output=True, text=True, check=False)
    if made.returncode:
        unavailable(f"emulated boards cannot be made: {made.stderr.strip()}")
    return folder


@pytest.fixture(scope="session")
def start_board(board_folder: Path) -> Iterator[StartBoard]:
    """Start boards: see `Board.start` for the options. They are stopped at the end of the session if not before."""
    boards: list[Board] = []
    numbers = itertools.count(1)

    def start(**options: str | int | bool) -> Board:
        board = Board.start(board_folder, f"test-{os.getpid()}-{next(numbers)}", **options)  # type: ignore[arg-type]
        boards.append(board)
        return board

    yield start
    for board in boards:
        board.stop()
        shutil.rmtree(board.folder)


@pytest.fixture(scope="session")
def board(start_board: StartBoard) -> Board:
    """A board like a Raspberry Pi 5 (Cortex-A76), which adb reaches too. Many tests share it: leave nothing on it."""
    return start_board(adb=True)


@pytest.fixture(scope="session")
def old_board(start_board: StartBoard) -> Board:
    """A board like a Raspberry Pi 3 (Cortex-A53), which has no int8 dot products."""
    return start_board(cpu="cortex-a53")


@pytest.fixture(scope="session")
def adb_environment(board_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Environment variables that give adb a server and keys of our own, apart from the user's; and the server."""
    del board_folder  # whose making installs adb
    (port,) = free_ports(1)
    variables = {"ANDROID_ADB_SERVER_PORT": str(port), "HOME": str(tmp_path_factory.mktemp("adb"))}
    # in the foreground, so that it ends with the tests, also when those are killed
    command = ["setpriv", "--pdeathsig", "TERM", "adb", "nodaemon", "server"]
    server = subprocess.Popen(command, env=os.environ | variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while server.poll() is None and not listens(port):  # adb would start another, in the background
        time.sleep(0.02)
    yield variables
    server.terminate()
    server.wait(timeout=30)


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def adb(adb_environment: dict[str, str]) -> Adb:
    """Run adb with these arguments."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | adb_environment
        return subprocess.run(
            ["adb", *arguments], env=environment, capture_output=True, text=True, check=False, timeout=60
        )

    return run


@pytest.fixture
def clean() -> Iterator[Callable[[Board], Board]]:
    """Boards on which, in the end, nothing runs and lies but what did before."""
    before: list[tuple[Board, list[str]]] = []

    def watch(board: Board) -> Board:
        before.append((board, board.files()))
        return board

    yield watch
    for board, files in before:
        until(lambda board=board: board.processes() == [])  # type: ignore[misc]
        assert board.files() == files


@pytest.fixture
def target(board: Board, clean: Callable[[Board], Board]) -> Board:
    """The shared board, on which nothing may be left."""
    return clean(board)


@pytest.fixture
def started() -> Iterator[Started]:
    """Start a command; what is still running in the end is killed."""
    processes = []

    def start(*arguments: str | Path) -> "subprocess.Popen[str]":
        processes.append(
            subprocess.Popen(
                [*COMMAND, *map(str, arguments)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                env=os.environ | {"NO_COLOR": "1"},
            )
        )
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()
