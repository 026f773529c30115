"""Ctrl-C while a runtime is being imported: it waits until the import is over.

An extension module that is interrupted while it loads raises ImportError, as if it were not installed (seen with
onnxruntime 1.31: one Ctrl-C in fourteen, sent within the first 0.3 s).
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["interrupts_wait"]


@contextmanager
def interrupts_wait() -> Iterator[None]:
    """Deliver a Ctrl-C at the end of the block. Other threads than the main one get none anyway."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    arrived: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda number, frame: arrived.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if arrived:
            before(*arrived[0])
