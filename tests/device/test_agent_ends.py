"""However an agent ends, nothing of it is left."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from levit_edge.board import session
from levit_edge.board.session import Session
from levit_edge.board.transports.local import LocalTransport
from levit_edge.errors import BoardError
from tests.board.conftest import Place, hook_agent
from tests.device.example import open_model


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_it_cleanly(place: Place, working: Session, number: signal.Signals) -> None:
    os.kill(working._process.pid, number)
    place.wait_for_the_end()
    assert place.files() == []


def test_the_end_of_the_connection_ends_it_cleanly(place: Place, working: Session) -> None:
    working.close()
    assert place.processes() == []
    assert place.files() == []


def test_bye_ends_it_cleanly(place: Place, working: Session) -> None:
    working.request("bye")
    place.wait_for_the_end()
    assert place.files() == []


def test_a_host_that_is_killed_leaves_nothing(place: Place, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(HOST)
    with subprocess.Popen([sys.executable, str(tmp_path / "script.py")], stdout=subprocess.PIPE, text=True) as host:
        assert host.stdout is not None
        assert host.stdout.readline() == "working\n"
        assert len(place.processes()) == 3  # the host, the agent, the worker
        assert place.files()
        host.kill()
    place.wait_for_the_end()
    assert place.files() == []


HOST = """
import time
from levit_edge.board.transports.local import LocalTransport
from levit_edge.board.session import Session
from tests.device.example import open_model
with Session(LocalTransport(), needed_bytes=0) as board:
    open_model(board)
    print("working", flush=True)
    time.sleep(3600)
"""


def test_silence_ends_it_cleanly(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    hook_agent(monkeypatch, "from levit_edge.device import agent; agent.SILENCE_S, agent.HEARTBEAT_S = 0.2, 0.05")
    monkeypatch.setattr(session, "PING_S", 3600)
    with Session(LocalTransport(), needed_bytes=0) as board:
        place.wait_for_the_end()
        assert place.files() == []
        with pytest.raises(BoardError, match="the connection was lost while the board worked"):
            board.ask("hello")


def test_words_of_the_host_keep_it_alive(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host says nothing but that it is there, for much longer than the agent would stand silence."""
    hook_agent(monkeypatch, WATCH)
    monkeypatch.setattr(session, "PING_S", 0.01)
    alive: list[bytes] = []
    with Session(LocalTransport(), needed_bytes=0) as board:
        while len(alive) < 5:
            alive.append(board._receive(60))
        assert alive == [b'{"alive": true}'] * 5
        assert place.processes()


WATCH = """
import time
from levit_edge.device import agent

def rest(self):
    heard = self._heard
    while self._heard == heard and time.monotonic() - heard < 2 * agent.SILENCE_S:
        time.sleep(0.001)

agent.SILENCE_S = 15.0
agent.Agent._rest = rest
"""
"""Waits for a word of the host, and long after the host should have spoken no longer: then the agent gives up."""


def test_the_folder_of_one_that_was_killed_is_removed_by_the_next(place: Place, working: Session) -> None:
    (left,) = {Path(name).parts[0] for name in place.files()}
    working._process.kill()
    working._process.wait()  # a zombie would pass for an agent that lives
    place.wait_for_the_end()  # its workers die with it
    assert {Path(name).parts[0] for name in place.files()} == {left}
    with Session(LocalTransport(), needed_bytes=0):
        (new,) = place.files()
        assert new != left


def test_a_worker_that_is_busy_ends_with_its_agent(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    hook_agent(monkeypatch, BUSY)
    with Session(LocalTransport(), needed_bytes=0) as board:
        open_model(board)
        board.request("infer", count=1)
        board.send_bytes(bytes(3 * 32 * 32))
        while not any(Path(name).name == "busy" for name in place.files()):
            time.sleep(0.01)
        board._process.kill()
        board._process.wait()
        place.wait_for_the_end()
    with Session(LocalTransport(), needed_bytes=0):
        assert len(place.files()) == 1


BUSY = """
import os, time
from levit_edge.device.worker import Worker

def infer(self, pixels, count):
    open(os.path.join(os.environ["TMPDIR"], "busy"), "w").close()
    time.sleep(3600)

Worker.infer = infer
"""
