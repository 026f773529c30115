"""Several boards at once."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from levit_edge.board.fleet import Board, read_fleet, side_by_side
from levit_edge.documents import MAX_DOCUMENT_BYTES
from levit_edge.errors import BoardError, LevitEdgeError
from tests.board.conftest import Place

BOARDS = tuple(Board(on=f"ssh://board{index}") for index in range(3))


def fleet(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "fleet.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_a_fleet_is_read(tmp_path: Path) -> None:
    path = fleet(
        tmp_path,
        """
        [[board]]
        on = "ssh://pi@kitchen.local"

        [[board]]
        on = "local"
        threads = [1, 4]
        python = "/opt/python"
        """,
    )
    assert read_fleet(path) == (
        Board(on="ssh://pi@kitchen.local"),
        Board(on="local", threads=(1, 4), python="/opt/python"),
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "it lacks board"),
        ("board = []", "names no board, expected one [[board]] with `on ="),
        ("[board]\non = 'local'", "board is {'on': 'local'}, expected list"),
        ("[[board]]\n", "board[0] lacks on"),
        ("[[board]]\non = 7", "board[0].on is 7, expected str"),
        ("[[board]]\non = 'local'\nspeed = 1", "board[0] has unknown keys ['speed']"),
        ("[[boards]]\non = 'local'", "it has unknown keys ['boards']"),
        ("[[board]]\non = 'local'\nthreads = 2", "board[0].threads is 2, expected list"),
        ("[[board]]\non = 'local'\nthreads = [true]", "board[0].threads[0] is True, expected int"),
        ("[[board]]\non = 'local'\nthreads = []", "board[0].threads has 0 entries"),
        ("[[board]]\non = 'local'\nthreads = [1, 0]", "board[0].threads[1] is 0, expected at least 1"),
        ("[[board]", "is not TOML"),
        (b"\xff\xfe", "is not TOML"),
        (b"#" * (MAX_DOCUMENT_BYTES + 1), "is larger than 16 MiB"),
    ],
)
def test_a_file_that_is_no_fleet_is_an_error(tmp_path: Path, text: str | bytes, complaint: str) -> None:
    path = fleet(tmp_path, text)
    with pytest.raises(BoardError) as caught:
        read_fleet(path)
    assert str(caught.value).startswith(f"the fleet {path}")
    assert complaint in str(caught.value)


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BoardError, match="does not exist"):
        read_fleet(tmp_path / "fleet.toml")
    with pytest.raises(BoardError, match="is a folder"):
        read_fleet(tmp_path)


def test_boards_are_worked_on_at_once() -> None:
    """Each waits for all others: one after the other would never end."""
    barrier = threading.Barrier(len(BOARDS))

    def work(board: Board) -> str:
        barrier.wait()
        return board.on

    assert side_by_side(BOARDS, work) == [each.on for each in BOARDS]


def test_what_is_timed_on_this_computer_is_alone_on_it() -> None:
    """While boards elsewhere work; what is emulated here waits until the times are taken."""
    boards = [Board(on=name) for name in ("qemu:cortex-a76", "local", "ssh://board", "web", "local")]
    working, most, order = set[int](), list[int](), list[str]()
    begun = threading.Event()

    def work(board: Board) -> None:
        if board.on.startswith("ssh"):
            assert begun.wait(20)  # the others need not wait for it
            return
        working.add(id(board))
        order.append(board.on)
        begun.set()
        threading.Event().wait(0.02)
        most.append(len(working))
        working.remove(id(board))

    assert side_by_side(boards, work) == [None] * 5
    assert most == [1, 1, 1, 1]
    assert order == ["local", "web", "local", "qemu:cortex-a76"]


@pytest.mark.timeout(60)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(("end", "seen"), [(SystemExit, SystemExit), (KeyboardInterrupt, KeyError)])
def test_what_is_emulated_does_not_wait_for_what_has_ended(end: type[BaseException], seen: type[BaseException]) -> None:
    """Whatever a thread ends by; it is told where that is possible."""
    worked: list[str] = []

    def work(board: Board) -> None:
        if board.on == "local":
            raise end
        worked.append(board.on)

    with pytest.raises(seen):
        side_by_side([Board(on="local"), Board(on="qemu:cortex-a76")], work)
    assert worked == ["qemu:cortex-a76"]


def test_this_computer_alone_needs_no_other_thread() -> None:
    """The main thread can be interrupted, and cleans up."""
    found = side_by_side([Board(on="local"), Board(on="web")], lambda _board: threading.current_thread())
    assert found == [threading.main_thread()] * 2


@pytest.mark.parametrize("count", [1, 3])
def test_a_board_that_fails_does_not_stop_the_others(count: int) -> None:
    failure = BoardError("lost")

    def work(board: Board) -> str:
        if board is BOARDS[0]:
            raise failure
        return board.on

    assert side_by_side(BOARDS[:count], work) == [failure, *(each.on for each in BOARDS[1:count])]


@pytest.mark.parametrize("count", [1, 3])
def test_a_bug_is_no_outcome(count: int) -> None:
    def work(board: Board) -> str:
        raise ZeroDivisionError(board.on)

    with pytest.raises(ZeroDivisionError):
        side_by_side(BOARDS[:count], work)


def test_an_outcome_keeps_the_kind_of_error() -> None:
    class OtherError(LevitEdgeError):
        pass

    def work(board: Board) -> str:
        raise OtherError(board.on)

    (outcome,) = side_by_side(BOARDS[:1], work)
    assert isinstance(outcome, OtherError)


INTERRUPTED = """
import sys, threading
from levit_edge.board.fleet import Board, side_by_side
from levit_edge.board.transports.local import LocalTransport
from levit_edge.board.session import Session
barrier = threading.Barrier(2)

def work(board):
    with Session(LocalTransport(), needed_bytes=0) as session:
        session.put("file", b"content")
        if barrier.wait() == 0:
            print("working", flush=True)
        session.payload()  # waits as long as the agent is alive
        threading.Event().wait()

try:
    side_by_side([Board(on="a"), Board(on="b")], work)
except KeyboardInterrupt:
    sys.exit(130)
"""


def test_ctrl_c_leaves_at_once_and_nothing_on_the_boards(place: Place) -> None:
    with subprocess.Popen([sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        assert len(place.files()) == 4
        os.kill(process.pid, signal.SIGINT)
        assert process.wait() == 130
    place.wait_for_the_end()
    assert place.files() == []
