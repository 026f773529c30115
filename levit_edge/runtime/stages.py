"""Named stages of a command: what the terminal shows while they run, and what they took."""

import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Protocol

from levit_edge.runtime.manifest import StageRecord

__all__ = ["Advance", "StageListener", "Stages", "peak_rss_bytes"]

Advance = Callable[[int], None]
"""Called with the number of items done since the last call."""


class StageListener(Protocol):
    """Shows stages as they run."""

    def stage(self, name: str, total: int | None) -> AbstractContextManager[Advance]:
        """Called around each stage; `total` is the number of items, if it is known."""


class Silent:
    """Shows nothing: the default for library use."""

    def stage(self, name: str, total: int | None) -> AbstractContextManager[Advance]:  # noqa: ARG002
        """Ignore the stage."""
        return nullcontext(lambda _count: None)


class Stages:
    """Runs stages one after the other and records seconds and peak memory of each."""

    def __init__(self, listener: StageListener | None = None) -> None:
        self._listener = listener or Silent()
        self.records: list[StageRecord] = []

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Advance]:
        """Run the body as the stage `name`; only stages that end well are recorded."""
        start = time.perf_counter()
        with self._listener.stage(name, total) as advance:
            yield advance
        seconds = round(time.perf_counter() - start, 3)
        self.records.append(StageRecord(name=name, seconds=seconds, peak_rss_bytes=peak_rss_bytes()))


def peak_rss_bytes() -> int:
    """The largest resident memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
