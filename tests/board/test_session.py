"""The host's end, against boards that keep to nothing that the agent promises."""

import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from levit_edge.board import session
from levit_edge.board.session import LONGEST_BANNER, Session
from levit_edge.board.transports.local import LocalTransport
from levit_edge.device.protocol import GREETING, LONGEST_FRAME
from levit_edge.errors import BoardError
from tests.board.conftest import Place
from tests.board.stand_in import HELLO, StandIn, answering

Progress = list[tuple[str, int, int | None]]


def refused(body: str) -> str:
    """What the host says of a board that runs `body`, when it asks `hello`."""
    with pytest.raises(BoardError) as caught, Session(StandIn(body), needed_bytes=0) as board:
        board.ask("hello")
    assert str(caught.value).startswith("board: ")
    return str(caught.value)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Boards here that hang are not given long to end."""
    monkeypatch.setattr(session, "END_S", 0.2)


# --- the beginning ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "banner",
    [
        b"",
        b"Welcome to your board\r\n",
        b"no line end",
        b"\n\n\n",
        b"\x1b[31mred\xff\xfe\x00\n",
        GREETING[1:-3] + b"\n",
    ],
)
def test_what_a_login_prints_before_the_greeting_is_skipped(banner: bytes) -> None:
    with Session(StandIn(f"write({banner!r}); serve({{'hello': {{'yes': 1}}}})"), needed_bytes=0) as board:
        assert board.ask("hello") == {"yes": 1}


def test_a_long_banner_is_skipped() -> None:
    length = LONGEST_BANNER - len(GREETING)
    with Session(StandIn(f"write(bytes({length})); serve({{}})"), needed_bytes=0) as board:
        assert board.ask("hello") == {}


@pytest.mark.usefixtures("impatient")
def test_a_login_that_never_stops_printing_is_refused() -> None:
    assert "what it sends is not what the agent sends" in refused("while True: write(bytes(4096))")


def test_a_board_that_never_greets_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "START_S", 0.1)
    assert "no word from the board for 0 s" in refused("hear()")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("does", ["import time; time.sleep(60)", "while True: write(bytes(4096))"])
def test_a_board_that_does_not_read_the_agent_holds_nobody_up(does: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No pipe has room for so large an agent; the real one has more than the 64 KiB of Linux's."""
    monkeypatch.setattr(session, "START_S", 0.1)
    monkeypatch.setattr(session, "agent_source", lambda: bytes(1 << 20))
    said = refused(does)  # which of both comes first is chance
    assert "no word from the board" in said or "is not what the agent sends" in said


def test_a_board_that_ends_before_it_greets_is_explained_by_the_transport() -> None:
    assert refused("sys.exit('so sorry')") == "board: it ended with 1 (so sorry)."


def test_last_words_of_what_starts_the_agent_are_shown() -> None:
    said = refused("print('noise', file=sys.stderr); sys.exit('levit-edge: it is \\x1b[2Jfull')")
    assert said == "board: it is [2Jfull."


def test_a_program_that_cannot_be_started_is_said() -> None:
    with pytest.raises(BoardError, match=r"local: /nowhere/python cannot be started \(No such file or directory\)"):
        Session(LocalTransport("/nowhere/python"), needed_bytes=0)


def test_a_python_that_fails_is_said(place: Place) -> None:
    del place
    with (
        pytest.raises(BoardError, match=r"local: /bin/false ended with status 1: no message\."),
        Session(LocalTransport("/bin/false"), needed_bytes=0),
    ):
        pytest.fail("it has started")


# --- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("hear(); say(b'no json')", "the board's answer is not JSON"),
        ("hear(); say(b'\\xff\\xfe')", "the board's answer is not JSON"),
        ("hear(); say(b'[' * 100_000)", "the board's answer is not JSON"),
        ("hear(); say(b'1' * 5000)", "the board's answer is not JSON"),
        ("hear(); say(b'')", "the board's answer is not JSON"),
        ("hear(); say([1])", "the board's answer is not an object"),
        ("hear(); say(None)", "the board's answer is not an object"),
        ("hear(); say('text')", "the board's answer is not an object"),
        ("hear(); write(b'12')", "the connection was lost while the board worked; it removes"),
        ("hear(); write(struct.pack('<Q', 100) + b'short')", "the connection was lost while the board worked"),
        ("hear(); sys.exit('one\\ntwo')", "the connection was lost while the board worked (two)"),
    ],
)
def test_an_answer_that_is_none_is_an_error(body: str, complaint: str) -> None:
    assert complaint in refused(f"greet(); {body}")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("length", [LONGEST_FRAME + 1, 2**63, 2**64 - 1])
def test_a_frame_that_is_too_long_is_refused_without_waiting_for_it(length: int) -> None:
    said = refused(f"greet(); hear(); write(struct.pack('<Q', {length})); time.sleep(3600)")
    assert "what it sends is not what the agent sends" in said


FLOODS = {
    "one that ends by itself": "write(bytes(1 << 20)); say('later')",  # more than a pipe holds
    "one without end": "while True: write(bytes(4096))",
}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("flood", FLOODS.values(), ids=FLOODS)
def test_a_board_that_sends_no_frames_and_takes_nothing_holds_nobody_up(flood: str) -> None:
    """Each side would wait for the other to read: found by fuzzing."""
    body = f"greet(); write(struct.pack('<Q', {LONGEST_FRAME + 1})); {flood}"
    with pytest.raises(BoardError), Session(StandIn(body), needed_bytes=0) as board:
        board.put("file", bytes(1 << 24))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ({"kind": "missing", "message": "numpy: it is not there"}, "board: numpy: it is not there."),
        (
            {"kind": "disk", "message": "disk0: full"},
            "board: the board's disk is full: disk0: full. Free some space there.",
        ),
        ({"kind": "died", "message": "SIGKILL"}, "board: a process on the board ended: SIGKILL."),
        ({"kind": "setup", "message": "no venv"}, "board: the private environment could not be made: no venv"),
        ({"kind": ["disk"], "message": "x"}, "board: x."),
        ({"kind": "disk\x1b[2J", "message": "\x1b]0;title\x07two\r\nlines\u202e"}, "board: ]0;titletwo lines."),
        ({"kind": 7, "message": 7}, "board: it does not say why."),
        ({}, "board: it does not say why."),
        ("text", "board: it does not say why."),
        (None, "board: it does not say why."),
    ],
)
def test_an_error_of_the_agent_is_one_line_without_control_characters(error: Any, said: str) -> None:
    assert refused(f"serve({ {'hello': {'error': error}}!r})") == said


def test_a_long_error_is_cut() -> None:
    assert len(refused("serve({'hello': {'error': {'message': 'long ' * 100_000}}})")) < 2100


@pytest.mark.parametrize(
    ("frames", "shown"),
    [
        ([{"progress": "time", "threads": 1, "done": 2, "total": 5}], [("time 1 thread", 2, 5)]),
        ([{"progress": "check", "file": "a.onnx", "threads": 4}], [("check a.onnx 4 threads", 0, None)]),
        ([{"progress": "set up", "step": "packages"}], [("set up packages", 0, None)]),
        ([{"progress": "sustain", "done": 3, "total": 12.5}], [("sustain", 3, 12)]),
        ([{"alive": True}, {"alive": True}], []),
        ([{"progress": "\x1b[2J", "file": ["x"], "done": "3", "total": [1]}], [("[2J", 0, None)]),
        ([{"progress": "p" * 999, "threads": 10**400, "done": 10**400, "total": -1}], [("p" * 40, 0, None)]),
        ([{"progress": None, "done": True, "total": False}], [("", 0, None)]),
        ([{"progress": 1, "done": float("nan"), "total": float("inf")}], [("", 0, None)]),
    ],
)
def test_progress_is_shown_until_the_answer_comes(frames: Sequence[Any], shown: Progress) -> None:
    told: Progress = []
    board = answering(hello=(*frames, {"yes": 1}))
    with Session(board, needed_bytes=0, progress=lambda *what: told.append(what)) as connection:
        assert connection.ask("hello") == {"yes": 1}
    assert told == shown


def test_files_are_sent_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "PART", 4)
    told: Progress = []
    with Session(answering(), needed_bytes=0, progress=lambda *what: told.append(what)) as board:
        board.put("a", b"0123456789")
        board.put("empty", b"")
        board.ask("hello")
    assert told == [("send a", 4, 10), ("send a", 8, 10), ("send a", 10, 10)]


# --- time ------------------------------------------------------------------------------------------------------------


def test_a_board_that_falls_silent_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "LOST_S", 0.1)
    assert "no word from the board for 0 s; it is lost." in refused("greet(); hear(); hear()")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "body", ["hear()", "greet(); hear(); hear()", "greet(); hear()\nwhile True: say({'alive': True})"]
)
def test_a_board_that_takes_too_long_is_given_up(body: str) -> None:
    with (
        pytest.raises(BoardError, match=r"board: the board was not ready after 0\.3 s: allow it more with --timeout\."),
        Session(StandIn(body), needed_bytes=0, timeout_s=0.3) as board,
    ):
        board.ask("hello")


@pytest.mark.usefixtures("impatient")
def test_a_board_that_takes_nothing_is_given_up_too() -> None:
    """The host hangs in the middle of a file: its end of the connection is full."""
    with (
        pytest.raises(BoardError, match=r"the board was not ready after 0\.3 s"),
        Session(StandIn("greet(); time.sleep(3600)"), needed_bytes=0, timeout_s=0.3) as board,
    ):
        board.put("file", bytes(1 << 24))


def test_the_time_of_several_sessions_may_be_spent_before_this_one() -> None:
    with (
        pytest.raises(BoardError, match=r"board: the board was not ready after 3600 s: allow it more with --timeout\."),
        Session(StandIn("hear()"), needed_bytes=0, timeout_s=3600, begun=time.monotonic() - 7200),
    ):
        pass


def test_a_board_that_is_done_in_time_is_not_disturbed() -> None:
    before = threading.active_count()
    with Session(answering(), needed_bytes=0, timeout_s=3600) as board:
        assert board.ask("hello") == {}
    while threading.active_count() > before:  # the timer, and the threads that read
        threading.Event().wait(0.01)


# --- the end ---------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    "body", ["greet(); time.sleep(3600)", "greet()\nwhile True: say({'alive': True})", "serve({})"]
)
def test_leaving_ends_the_program_whatever_it_does(body: str) -> None:
    with Session(StandIn(body), needed_bytes=0) as board:
        pass
    assert board._process.returncode is not None


@pytest.mark.parametrize("error", [KeyboardInterrupt(), BoardError("first")])
def test_an_error_inside_ends_the_program_and_stays_the_same(error: BaseException) -> None:
    board = Session(StandIn("serve({})"), needed_bytes=0)
    with pytest.raises(type(error)) as caught, board:
        raise error
    assert caught.value is error
    assert board._process.returncode is not None


def test_the_program_hears_no_ctrl_c_of_the_terminal() -> None:
    """It has a group of its own: the host ends it, in its own time."""
    with Session(StandIn("serve({})"), needed_bytes=0) as board:
        assert os.getpgid(board._process.pid) != os.getpgrp()


def test_the_program_speaks_english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    with Session(StandIn("greet(); hear(); say({'locale': os.environ['LC_ALL']})"), needed_bytes=0) as board:
        assert board.ask("hello") == {"locale": "C"}


def test_a_stand_in_is_as_good_as_what_it_sends() -> None:
    with Session(answering(hello=HELLO), needed_bytes=0) as board:
        assert board.ask("hello") == json.loads(json.dumps(HELLO))
    assert board.transport.command(["-u", "-c", "boot", "1"])[0] == sys.executable
