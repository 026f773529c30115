"""Something that is said every so many seconds, whatever else the program does."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

__all__ = ["SECONDS_BETWEEN_LINES", "every"]

SECONDS_BETWEEN_LINES = 10.0
"""Of progress where nothing can be drawn: a log stays short, and nobody takes the program for dead."""


@contextmanager
def every(seconds: float, do: Callable[[], None]) -> Iterator[None]:
    """Have `do` called every so many seconds while the body runs, by a thread of its own."""
    over = Event()

    def beat() -> None:
        while not over.wait(seconds):
            do()

    thread = Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
