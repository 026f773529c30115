import signal
import sys
from pathlib import Path

import pytest

from levit_edge.system.copies import copied, start_to_copy
from levit_edge.system.worker import Helpers, watch_memory

pytestmark = [pytest.mark.skipif(sys.platform != "linux", reason="/proc"), pytest.mark.timeout(60)]
COPYING = """
import os
import signal
import sys
from levit_edge.device.protocol import write_frame
from levit_edge.system.copies import go_on_as_copies
from levit_edge.system.worker import next_frame, serve
ballast = b"x" * (64 << 20)
def main(requests, answers):
    if next_frame(requests) == b"die before":
        sys.exit(5)
    go_on_as_copies(sys.argv[1:], answers)
    while True:
        request = next_frame(requests)
        if request == b"die":
            os.kill(os.getpid(), signal.SIGSEGV)
        if request == b"memory":
            raise MemoryError
        write_frame(answers, request.upper())
serve(main)
"""
BALLAST = 64 * 2**20


@pytest.fixture(autouse=True)
def copying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A helper module that answers in capitals, as many processes."""
    (tmp_path / "copying_helper.py").write_text(COPYING)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])


def test_what_was_read_before_is_in_memory_once() -> None:
    with watch_memory() as peaks:
        for count in (1, 4):
            with Helpers() as helpers:
                helper = start_to_copy(helpers, "copying_helper", count)
                helper.send(b"begin")
                copies = copied(helper)
                assert len(copies) == len(helper.copies) == count
                for number, copy in enumerate(copies):
                    copy.send(b"one %d" % number)
                assert [copy.receive() for copy in copies] == [b"ONE %d" % number for number in range(count)]
    one, four = peaks
    assert BALLAST < one < 2 * BALLAST
    assert four - one < BALLAST / 2, "three more; each for itself would have 64 MiB and Python's 20"


@pytest.mark.parametrize(
    ("request_", "reason"), [(b"die", f"killed by {signal.SIGSEGV.name}"), (b"memory", "out of memory")]
)
def test_a_copy_that_dies_tells_how_and_the_others_go_on(request_: bytes, reason: str) -> None:
    with Helpers() as helpers:
        helper = start_to_copy(helpers, "copying_helper", 2)
        helper.send(b"begin")
        first, second = copied(helper)
        first.send(request_)
        assert first.receive() is None
        assert helper.exit_reason() == reason
        second.send(b"still there?")
        assert second.receive() == b"STILL THERE?"


def test_a_helper_that_dies_before_it_copies_itself_is_found_out() -> None:
    with Helpers() as helpers:
        helper = start_to_copy(helpers, "copying_helper", 2)
        helper.send(b"die before")
        assert copied(helper) == [helper]
        assert helper.receive() is None
        assert helper.exit_reason() == "exit status 5"
