import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from levit_edge.device.small_files import process_peak_bytes
from levit_edge.system.worker import Helpers, watch_memory

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="/proc")
ECHO = """
import sys
from levit_edge.device.protocol import read_frame, write_frame
ballast = bytearray(int(sys.argv[1])) # resident: bytearray clears it by touching
ballast[::4096] = b"x" * len(ballast[::4096])
with open(0, "rb", buffering=0) as requests, open(1, "wb", buffering=0) as answers:
    while (frame := read_frame(requests)) is not None:
        write_frame(answers, frame.upper())
        if frame == b"die":
            sys.exit(3)
"""
BALLAST = 64 * 2**20


@pytest.fixture(autouse=True)
def echo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A helper module that answers in capitals."""
    (tmp_path / "echo_helper.py").write_text(ECHO)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])


def test_helpers_answer_until_they_die() -> None:
    with Helpers() as helpers:
        first, second = (helpers.start("echo_helper", [0]) for _ in range(2))
        first.send(b"one")
        second.send(b"die")
        assert second.receive() == b"DIE"
        assert second.receive() is None
        assert second.exit_reason() == "exit status 3"
        second.send(b"too late")
        assert first.receive() == b"ONE"
    assert first.process.returncode == -9


@LINUX
def test_the_memory_of_helpers_side_by_side_is_added_up() -> None:
    with watch_memory() as outer:
        with watch_memory() as peaks:
            for count in (2, 1):
                with Helpers() as helpers:
                    started = [helpers.start("echo_helper", [BALLAST]) for _ in range(count)]
                    for helper in started:
                        helper.send(b"ready?")
                        assert helper.receive() == b"READY?"
        two, one = peaks
    assert outer == peaks
    assert BALLAST < one < 2 * BALLAST
    assert 2 * BALLAST < two < 3 * BALLAST


@LINUX
def test_a_process_that_is_no_more_has_no_peak() -> None:
    with Helpers() as helpers:
        helper = helpers.start("echo_helper", [0])
    assert process_peak_bytes(helper.process.pid) is None
    assert process_peak_bytes(os.getpid()) == process_peak_bytes("self")


BUSY = """
import time
from levit_edge.system.worker import serve
def busy(requests, answers):
    answers.write(b"busy\\n")
    while True:
        time.sleep(60)
serve(busy)
"""


@pytest.mark.timeout(60)
def test_a_busy_process_ends_with_whoever_could_ask_it() -> None:
    """Requests that it has not read are of no use to anybody."""
    with subprocess.Popen([sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == b"busy\n"
        process.stdin.write(b"a request")
        process.stdin.flush()
        time.sleep(0.1)
        assert process.poll() is None
        process.stdin.close()
        assert process.wait() == 0
