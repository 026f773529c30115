"""All contenders in turn, A B C A B C …, each in its own process and never two at once."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Concatenate, ParamSpec

import numpy as np
from numpy.typing import NDArray

from benchmarks.speed.contender import Engine
from benchmarks.speed.lane import Lane, LaneError
from levit_edge.system.progress import StageListener

__all__ = ["CHECKED_IMAGES", "Entry", "Finish", "Schedule", "race"]

CHECKED_IMAGES = 16
"""Of the calibration images; enough to see that a file computes something else, not to measure accuracy."""


P = ParamSpec("P")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A file at the start."""

    engine: Engine
    file: Path


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How often everybody runs."""

    threads: int
    rounds: int
    runs: int
    """Timed, in each round."""
    warm_up: int
    """Not timed, before those of each round: the others have had the caches since."""


@dataclass(kw_only=True)
class Finish:
    """What was measured of one entry; `reason` says why there is nothing, or no more."""

    rounds: list[list[float]] = field(default_factory=list)
    """Milliseconds of every run."""
    load_ms: float | None = None
    first_ms: float | None = None
    peak_bytes: int | None = None
    imported_bytes: int | None = None
    """The peak when the engine was imported and the file not yet opened."""
    logits: NDArray[np.float32] | None = None
    """(images, classes) of the first `CHECKED_IMAGES`."""
    reason: str = ""


def race(entries: Mapping[str, Entry], images: Path, schedule: Schedule, listener: StageListener) -> dict[str, Finish]:
    """Open every entry's file in a process of its own, then run all in turn.

    `images` is a `.npy` file of float32 (N, 3, size, size); the first of them is what is timed. An entry that fails
    leaves the race, and the others go on.
    """
    threads = f"{schedule.threads} thread{'s' if schedule.threads > 1 else ''}"
    with ExitStack() as stack:
        runners = {}
        with listener.stage(f"open, {threads}", len(entries)) as advance:
            for name, entry in entries.items():
                runners[name] = _Runner(lane=stack.enter_context(Lane()), schedule=schedule)
                runners[name].attempt(_open, entry, images)
                advance(1)
        with listener.stage(f"race, {threads}", schedule.rounds) as advance:
            for _ in range(schedule.rounds):
                for runner in runners.values():
                    runner.attempt(_run)
                advance(1)
        for runner in runners.values():
            runner.attempt(_weigh)
    return {name: runner.finish for name, runner in runners.items()}


@dataclass(frozen=True, kw_only=True)
class _Runner:
    """An entry under way."""

    lane: Lane
    schedule: Schedule
    finish: Finish = field(default_factory=Finish)

    def attempt(self, step: Callable[Concatenate["_Runner", P], None], *arguments: P.args, **named: P.kwargs) -> None:
        """Take the next step, unless one has failed before."""
        if self.finish.reason:
            return
        try:
            step(self, *arguments, **named)
        except LaneError as error:
            self.finish.reason = str(error)
            self.lane.close()


def _open(runner: _Runner, entry: Entry, images: Path) -> None:
    threads = runner.schedule.threads
    opened = runner.lane.ask("open", engine=entry.engine, file=str(entry.file), threads=threads, images=str(images))
    finish = runner.finish
    finish.load_ms, finish.first_ms = opened["load_ms"], opened["first_ms"]
    finish.imported_bytes = opened["imported_bytes"]
    finish.logits = np.array(runner.lane.ask("check", count=CHECKED_IMAGES)["logits"], np.float32)


def _run(runner: _Runner) -> None:
    schedule = runner.schedule
    runner.finish.rounds.append(runner.lane.ask("run", warm_up=schedule.warm_up, times=schedule.runs)["ms"])


def _weigh(runner: _Runner) -> None:
    runner.finish.peak_bytes = runner.lane.ask("memory")["peak_bytes"]
