import errno
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from levit_edge.errors import DataError
from levit_edge.system.copies import copied, start_to_copy
from levit_edge.system.worker import Channel, Helper, Helpers, watch_memory

pytestmark = [pytest.mark.skipif(sys.platform != "linux", reason="/proc"), pytest.mark.timeout(60)]
COPYING = """
import os
import signal
import sys
from pathlib import Path
from levit_edge.device.protocol import write_frame
from levit_edge.system import copies
from levit_edge.system.worker import next_frame, serve
ballast = b"x" * (64 << 20)
def fork_at_most(times):
    fork, forks = os.fork, iter(range(times))
    def limited():
        if next(forks, None) is None:
            raise OSError(12, "Cannot allocate memory")
        return fork()
    os.fork = limited
def main(requests, answers):
    match next_frame(requests).split():
        case [b"die"]:
            sys.exit(5)
        case [b"no", b"/proc"]:
            copies.THREADS = Path("/nowhere")
        case [b"fork", times]:
            fork_at_most(int(times))
    copies.go_on_as_copies(sys.argv[1:], answers)
    while True:
        request = next_frame(requests)
        if request == b"die":
            os.kill(os.getpid(), signal.SIGSEGV)
        if request == b"memory":
            raise MemoryError
        if request == b"leave":
            os._exit(0)
        if request == b"end":
            raise EOFError
        if request == b"take":
            del [bytearray(ballast)][:]
        write_frame(answers, request.upper())
serve(main)
"""
BALLAST = 64 * 2**20


@pytest.fixture(autouse=True)
def copying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A helper module that answers in capitals, as many processes."""
    (tmp_path / "copying_helper.py").write_text(COPYING)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])


def begun(helpers: Helpers, count: int, how: bytes = b"begin") -> tuple[Helper, list[Channel]]:
    helper = start_to_copy(helpers, "copying_helper", count)
    helper.send(how)
    return helper, copied(helper)


def asked(channels: Sequence[Channel]) -> list[bytes | None]:
    """What each answers to a question."""
    for channel in channels:
        channel.send(b"there?")
    return [channel.receive() for channel in channels]


def descriptors() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


def test_what_was_read_before_is_in_memory_once() -> None:
    with watch_memory() as peaks:
        for count in (1, 4):
            with Helpers() as helpers:
                helper, copies = begun(helpers, count)
                assert len(copies) == len(helper.copies) == count
                for number, copy in enumerate(copies):
                    copy.send(b"one %d" % number)
                assert [copy.receive() for copy in copies] == [b"ONE %d" % number for number in range(count)]
    one, four = peaks
    assert BALLAST < one < 2 * BALLAST
    assert four - one < BALLAST / 2, "three more; each for itself would have 64 MiB and Python's 20"


def test_what_a_copy_has_given_back_counts() -> None:
    with watch_memory() as peaks:
        for requests in ([], [b"take"]):
            with Helpers() as helpers:
                _, (first, _) = begun(helpers, 2)
                for request in requests:
                    first.send(request)
                    assert first.receive() == request.upper()
    without, taken = peaks
    assert abs(taken - without - BALLAST) < BALLAST / 4


ENDS = [
    (b"die", -signal.SIGSEGV, f"killed by {signal.SIGSEGV.name}"),
    (b"memory", errno.ENOMEM, "out of memory"),
    (b"leave", 0, "exit status 0"),
    (b"end", 0, "exit status 0"),
]


@pytest.mark.parametrize(("request_", "status", "reason"), ENDS)
def test_a_copy_that_ends_tells_how_and_the_others_go_on(request_: bytes, status: int, reason: str) -> None:
    with Helpers() as helpers:
        _, (first, second) = begun(helpers, 2)
        first.send(request_)
        assert first.receive() is None
        assert first.exit_reason() == reason
        assert first.exit_status() == status
        assert asked([second]) == [b"THERE?"]


def test_each_copy_has_its_own_end() -> None:
    with Helpers() as helpers:
        helper, (living, *ending) = begun(helpers, 1 + len(ENDS))
        for copy, (request, _, _) in zip(ending, ENDS, strict=True):
            copy.send(request)
        assert [copy.receive() for copy in ending] == [None] * len(ENDS)
        assert [copy.exit_status() for copy in reversed(ending)] == [status for _, status, _ in reversed(ENDS)]
        assert asked([living]) == [b"THERE?"]
        assert helper.peak_bytes() > BALLAST, "it goes on too"


def test_a_copy_whose_helper_has_died_too_ended_as_that_did() -> None:
    with Helpers() as helpers:
        helper, (first, second) = begun(helpers, 2)
        helper.process.kill()
        assert asked([first, second]) == [b"THERE?"] * 2
        os.kill(helper.copies[0], signal.SIGSEGV)
        assert first.receive() is None
        assert [first.exit_status(), first.exit_status()] == [-signal.SIGKILL] * 2


def test_no_copy_is_left_behind_not_even_one_that_hangs() -> None:
    with Helpers() as helpers:
        helper, _ = begun(helpers, 3)
        os.kill(helper.copies[1], signal.SIGSTOP)
    give_up = time.monotonic() + 30  # whoever inherits a copy may be slow to notice its end
    while (left := [each for each in helper.copies if Path(f"/proc/{each}").exists()]) and time.monotonic() < give_up:
        time.sleep(0.05)
    assert not left, "also no zombie"


def test_a_number_that_may_be_anothers_is_not_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []
    with Helpers() as helpers:
        helper, _ = begun(helpers, 2)
        helper.process.kill()
        assert helper.exit_status() == -signal.SIGKILL
        monkeypatch.setattr(os, "killpg", lambda number, _how: killed.append(number))
    assert killed == []


@pytest.mark.parametrize("forks", [0, 1, 2])
def test_those_copies_do_the_work_for_which_there_was_memory(forks: int) -> None:
    with Helpers() as helpers:
        helper, channels = begun(helpers, 3, b"fork %d" % forks)
        assert len(helper.copies) == forks
        assert len(channels) == max(forks, 1)
        assert asked(channels) == [b"THERE?"] * len(channels)


def test_without_proc_a_helper_goes_on_alone() -> None:
    with Helpers() as helpers:
        helper, channels = begun(helpers, 2, b"no /proc")
        assert channels == []
        assert asked([helper]) == [b"THERE?"]


def test_too_few_descriptors_are_an_error_and_none_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe, pipes = os.pipe, iter(range(3))

    def limited() -> tuple[int, int]:
        if next(pipes, None) is None:
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return pipe()

    monkeypatch.setattr(os, "pipe", limited)
    before = descriptors()
    with Helpers() as helpers, pytest.raises(DataError, match=r"Too many open files; work with fewer --workers"):
        start_to_copy(helpers, "copying_helper", 2)
    assert descriptors() == before


def test_an_interruption_loses_no_descriptor() -> None:
    class Interrupted(Helpers):
        def start(self, *arguments: Any, **how: Any) -> Helper:
            super().start(*arguments, **how)
            raise KeyboardInterrupt

    before = descriptors()
    with pytest.raises(KeyboardInterrupt), Interrupted() as helpers:
        start_to_copy(helpers, "copying_helper", 2)
    assert descriptors() == before


def test_a_helper_that_dies_before_it_copies_itself_is_found_out() -> None:
    with Helpers() as helpers:
        helper = start_to_copy(helpers, "copying_helper", 2)
        helper.send(b"die")
        assert copied(helper) == [helper]
        assert helper.receive() is None
        assert helper.exit_reason() == "exit status 5"
