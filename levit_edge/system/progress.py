"""Named stages of a command: what the terminal shows while they run, and what they took."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from levit_edge.device.small_files import peak_rss_bytes
from levit_edge.system.worker import watch_memory

__all__ = ["Advance", "StageListener", "StageRecord", "Stages"]

Advance = Callable[[int], None]
"""Called with the number of items done since the last call."""


@dataclass(frozen=True, kw_only=True)
class StageRecord:
    """What one stage of a command took."""

    name: str
    seconds: float
    peak_rss_bytes: int
    """Peak resident memory during this stage: the main process's, and that of its helper processes added up. The peaks
    need not fall together, and libraries that processes share count in each; but a helper's copies count with what each
    shares with no other process at its end, and as much as it has given back since its peak. Where the system cannot
    tell (not Linux): the main process's alone, since it began."""


class StageListener(Protocol):
    """Shows stages as they run."""

    def stage(self, name: str, total: int | None) -> AbstractContextManager[Advance]:
        """Called around each stage; `total` is the number of items, if it is known."""


class Stages:
    """Runs stages one after the other, never one inside another, and records seconds and peak memory of each."""

    def __init__(self, listener: StageListener | None = None) -> None:
        self._listener = listener
        self.records: list[StageRecord] = []

    @contextmanager
    def stage(self, name: str, total: int | None = None) -> Iterator[Advance]:
        """Run the body as the stage `name`; only stages that end well are recorded."""
        unheard: AbstractContextManager[Advance] = nullcontext(lambda _count: None)
        start = time.perf_counter()
        with suppress(OSError):  # as where /proc is not
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # `peak_rss_bytes` begins anew
        with watch_memory() as helpers, self._listener.stage(name, total) if self._listener else unheard as advance:
            yield advance
        seconds = round(time.perf_counter() - start, 3)
        peak = peak_rss_bytes() + max(helpers, default=0)
        self.records.append(StageRecord(name=name, seconds=seconds, peak_rss_bytes=peak))
