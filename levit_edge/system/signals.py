"""Ctrl-C, SIGTERM and a closed terminal: how they end a command, and where they have to wait.

An extension module that is interrupted while it loads raises ImportError, as if it were not installed (seen with
onnxruntime 1.31: one Ctrl-C in fourteen, sent within the first 0.3 s).
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["end_at_once", "end_in_order", "interrupts_wait", "last_signal"]

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_arrived: list[int] = []


def end_in_order() -> None:
    """From now on let these signals raise KeyboardInterrupt, so that what was begun is removed.

    The same signal again ends the process at once; others are ignored then, as those who end a session send several.
    A signal that was ignored, as under nohup, stays so.
    """
    for number in ENDING:
        if signal.getsignal(number) in {signal.SIG_DFL, signal.default_int_handler}:
            signal.signal(number, _end)


def end_at_once() -> None:
    """Let these signals end the process again, as nothing is left to be put in order: without a traceback."""
    for number in ENDING:
        if signal.getsignal(number) is _end:
            signal.signal(number, signal.SIG_DFL)


def last_signal() -> int | None:
    """The number of the signal that `end_in_order` made a KeyboardInterrupt of, if one has come."""
    return _arrived[-1] if _arrived else None


@contextmanager
def interrupts_wait() -> Iterator[None]:
    """Deliver these signals at the end of the block. Other threads than the main one get none anyway."""
    handlers = {number: handler for number in ENDING if callable(handler := signal.getsignal(number))}
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[tuple[int, FrameType | None]] = []
    for number in handlers:
        signal.signal(number, lambda number, frame: arrived.append((number, frame)))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if arrived:
            first, frame = arrived[0]
            handlers[signal.Signals(first)](first, frame)


def _end(number: int, _frame: FrameType | None) -> None:
    for each in ENDING:
        if signal.getsignal(each) is _end:
            signal.signal(each, signal.SIG_DFL if each == number else signal.SIG_IGN)
    _arrived.append(number)
    raise KeyboardInterrupt
