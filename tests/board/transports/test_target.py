from pathlib import Path

import pytest

from levit_edge.board.transports.local import LocalTransport
from levit_edge.board.transports.ssh import SshTransport
from levit_edge.board.transports.target import FORMS, open_target
from levit_edge.errors import BoardError


def test_local_is_this_computer() -> None:
    transport = open_target("local", python="/opt/python", ssh_config=Path("unused"))
    assert isinstance(transport, LocalTransport)
    assert transport.name == "local"
    assert transport.command(["-c", "code"]) == ["/opt/python", "-c", "code"]


def test_an_address_is_a_board_over_ssh() -> None:
    transport = open_target("ssh://pi@kitchen", python="/opt/my python", ssh_config=Path("config"))
    assert isinstance(transport, SshTransport)
    assert transport.name == "ssh://pi@kitchen"
    command = transport.command(["-c", "code"])
    assert "/opt/my python" in command[-1]
    assert command[command.index("-F") + 1] == "config"


@pytest.mark.parametrize("target", ["", "pi@kitchen", "Local", "local ", "ssh:pi", "SSH://pi", "http://pi"])
def test_anything_else_is_an_error_that_names_what_there_is(target: str) -> None:
    with pytest.raises(BoardError) as caught:
        open_target(target)
    assert str(caught.value) == f"{target!r} is not a board; expected one of {FORMS}."
