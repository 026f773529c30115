"""Boards over ssh, with a stand-in for OpenSSH's client; the real one is in `tests/arm`."""

import shlex
import sys
from pathlib import Path

import pytest

from levit_edge.board.session import Session
from levit_edge.board.transports.ssh import SshTransport
from levit_edge.errors import BoardError
from tests.board.conftest import Place

PASSING = """#!/bin/sh
printf '%s\\n' "$@" > {log}
while [ "$1" != -- ]; do shift; done
shift 2
exec sh -c "$*"
"""
"""Does what the far end of ssh does: it gives the words, joined, to a shell."""
FAILING = """#!/bin/sh
printf '%s\\n' {text} >&2
exit {status}
"""


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that comes first on the PATH."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def put_ssh(programs: Path, script: str) -> None:
    (programs / "ssh").write_text(script)
    (programs / "ssh").chmod(0o755)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("ssh://pi", ["--", "pi"]),
        ("ssh://pi@kitchen.local", ["--", "pi@kitchen.local"]),
        ("ssh://pi@kitchen.local/", ["--", "pi@kitchen.local"]),
        ("ssh://root@127.0.0.1:2222", ["-p", "2222", "--", "root@127.0.0.1"]),
        ("ssh://pi@[::1]:22", ["-p", "22", "--", "pi@::1"]),
    ],
)
def test_the_client_gets_the_address(address: str, words: list[str]) -> None:
    command = SshTransport(address).command(["-c", "code"])
    assert Path(command[0]).name == "ssh"
    assert command[-1 - len(words) : -1] == words
    assert command[1] == "-T"  # no terminal, which would change what is sent
    assert {"BatchMode=yes", "EscapeChar=none"} <= set(command)
    assert "-F" not in command


def test_a_configuration_of_the_users_choice_is_taken(tmp_path: Path) -> None:
    command = SshTransport("ssh://pi", config=tmp_path / "config").command([])
    assert command[command.index("-F") + 1] == str(tmp_path / "config")


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("ssh://", "is not an address of a board; expected ssh://user@host:port"),
        ("ssh://pi@", "is not an address of a board"),
        ("ssh://pi/folder", "is not an address of a board"),
        ("ssh://pi?x=1", "is not an address of a board"),
        ("ssh://-oProxyCommand=evil", "is not an address of a board"),
        ("ssh://-oProxyCommand=evil@pi", "has the user '-oProxyCommand=evil'"),
        ("ssh://pi:99999", "is not an address"),
        ("ssh://pi:ssh", "is not an address"),
        ("ssh://[::1", "is not an address"),
    ],
)
def test_an_address_that_is_none_is_an_error(address: str, complaint: str) -> None:
    with pytest.raises(BoardError) as caught:
        SshTransport(address)
    assert complaint in str(caught.value)


def test_a_password_is_refused_and_not_shown() -> None:
    with pytest.raises(BoardError, match=r"ssh://pi:…@kitchen has a password in it.*ssh-copy-id") as caught:
        SshTransport("ssh://pi:hunter2@kitchen")
    assert "hunter2" not in str(caught.value)


def test_without_a_client_there_is_advice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BoardError, match="there is no ssh client here: install OpenSSH's"):
        SshTransport("ssh://pi").command([])


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("Host key verification failed.", "its host key is not in known_hosts: connect once with `ssh`"),
        ("@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nIt is possible\nHost key verification failed.",
         "its host key is not the one in known_hosts"),
        ("pi@board: Permission denied (publickey).", "it refuses the keys that ssh offers: `ssh-copy-id`"),
        ("ssh: Could not resolve hostname pi: Name or service not known", "there is no such host"),
        ("ssh: connect to host pi port 22: Connection refused", "nothing listens on that port"),
        ("ssh: connect to host pi port 22: Connection timed out", "is it switched on and in this network?"),
        ("ssh: connect to host pi port 22: No route to host", "is it switched on and in this network?"),
        ("ssh: something new", "ssh failed: ssh: something new."),
    ],
)  # fmt: skip
def test_what_the_client_says_becomes_advice(programs: Path, said: str, advice: str) -> None:
    put_ssh(programs, FAILING.format(text=shlex.quote(said), status=255))
    with pytest.raises(BoardError) as caught, Session(SshTransport("ssh://pi"), needed_bytes=0):
        pytest.fail("it has started")
    assert str(caught.value).startswith("ssh://pi: ")
    assert advice in str(caught.value)
    assert said.splitlines()[-1].rstrip(".") in str(caught.value)


@pytest.mark.parametrize(("python", "name"), [(None, "python3"), ("/opt/python", "/opt/python")])
def test_a_board_without_python_gets_advice(programs: Path, python: str | None, name: str) -> None:
    put_ssh(programs, FAILING.format(text="''", status=127))
    with (
        pytest.raises(BoardError, match=rf"ssh://pi: there is no {name} on the board: install Python 3\.9 or newer"),
        Session(SshTransport("ssh://pi", python=python), needed_bytes=0),
    ):
        pytest.fail("it has started")


def test_a_python_that_fails_there_is_said(programs: Path) -> None:
    put_ssh(programs, FAILING.format(text="'Segmentation fault'", status=139))
    with (
        pytest.raises(BoardError, match=r"the board's Python ended with status 139: Segmentation fault\."),
        Session(SshTransport("ssh://pi"), needed_bytes=0),
    ):
        pytest.fail("it has started")


def test_the_agent_runs_behind_a_login_shell(programs: Path, place: Place, tmp_path: Path) -> None:
    put_ssh(programs, PASSING.format(log=tmp_path / "log"))
    (programs / "python3").write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    (programs / "python3").chmod(0o755)
    with Session(SshTransport("ssh://pi@kitchen:2222"), needed_bytes=0) as board:
        board.put("file", b"content")
        assert board.ask("hello")["folder"].startswith(str(place.folder))
    assert (tmp_path / "log").read_text().splitlines()[-2] == "pi@kitchen"
