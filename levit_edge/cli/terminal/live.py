"""Figures of a stream while it runs: one line that changes on a terminal, elsewhere a line every ten seconds."""

import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

from rich.live import Live
from rich.text import Text

from levit_edge.cli.terminal.console import can_draw, say, stderr
from levit_edge.cli.terminal.heartbeat import SECONDS_BETWEEN_LINES, every
from levit_edge.runtime.evaluation.stream import FramePrediction
from levit_edge.text import counted

__all__ = ["Figures", "live_figures"]

LATEST = 30
"""Frames that the figures of the moment are of."""
CLASSES = 3


class Figures:
    """What a stream has come to, and how fast it is now."""

    def __init__(self) -> None:
        self.frames = 0
        self._first = self._last = time.monotonic()
        self._milliseconds = [0.0, 0.0]
        self._latest: deque[tuple[float, FramePrediction]] = deque(maxlen=LATEST)
        self._seen = Counter[str]()

    def add(self, seen: FramePrediction) -> None:
        """One more frame, now."""
        self.frames += 1
        self._milliseconds[0] += seen.preprocessing_ms
        self._milliseconds[1] += seen.inference_ms
        self._last = time.monotonic()
        self._first = self._last if self.frames == 1 else self._first  # before it, the runtime was loaded
        self._latest.append((self._last, seen))
        self._seen[seen.guesses[0].label] += 1

    def now(self) -> str:
        """Such as `frame 12: 29.8 frames/s, preprocessing 4.1 ms, inference 8.3 ms: dress 93.2 %`."""
        if not self._latest:
            return "waiting for the first frame"
        seen = [each for _, each in self._latest]
        preprocessing = sum(each.preprocessing_ms for each in seen) / len(seen)
        inference = sum(each.inference_ms for each in seen) / len(seen)
        between = self._latest[-1][0] - self._latest[0][0]
        rate = f" {(len(seen) - 1) / between:.1f} frames/s," if between > 0 else ""
        best = seen[-1].guesses[0]
        return (
            f"frame {seen[-1].frame}:{rate} preprocessing {preprocessing:.1f} ms, inference {inference:.1f} ms:"
            f" {best.label} {best.probability:.1%}"
        )

    def summary(self) -> str:
        """Of the whole stream."""
        if not self.frames:
            return "no frame was seen"
        seconds = self._last - self._first
        rate = f"{(self.frames - 1) / seconds:.1f} frames/s, " if seconds else ""
        preprocessing, inference = (each / self.frames for each in self._milliseconds)
        often = ", ".join(f"{label} {count:,}" for label, count in self._seen.most_common(CLASSES))
        return (
            f"{counted(self.frames, 'frame')} in {seconds:.1f} s: {rate}preprocessing {preprocessing:.1f} ms, inference"
            f" {inference:.1f} ms; seen most: {often}"
        )


@contextmanager
def live_figures(figures: Figures, *, quiet: bool) -> Iterator[None]:
    """Show `figures` while the body runs, and what they came to behind it, unless it failed."""
    with _shown(figures, quiet=quiet):
        yield
    if not quiet:
        say(figures.summary(), to=stderr)


def _shown(figures: Figures, *, quiet: bool) -> AbstractContextManager[object]:
    if quiet:
        return nullcontext()
    if can_draw(stderr):
        line = partial(Text, no_wrap=True, overflow="ellipsis")
        return Live(get_renderable=lambda: line(figures.now()), console=stderr, transient=True)
    return every(SECONDS_BETWEEN_LINES, lambda: say(figures.now(), to=stderr))
