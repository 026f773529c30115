"""A Ctrl-C waits for the end of the block, and is not lost."""

import os
import signal
import threading

import pytest

from levit_edge.system.signals import interrupts_wait


def interrupted(reached: list[str]) -> None:
    with interrupts_wait():
        os.kill(os.getpid(), signal.SIGINT)
        reached.append("the end")


def test_an_interrupt_waits_and_arrives() -> None:
    reached: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(reached)
    assert reached == ["the end"]


def test_without_an_interrupt_nothing_happens() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interrupts_wait():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_change_nothing() -> None:
    before, seen = signal.getsignal(signal.SIGINT), []

    def import_there() -> None:
        with interrupts_wait():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=import_there)
    thread.start()
    thread.join()
    assert seen == [before]
