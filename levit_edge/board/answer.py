"""What the agent answers when it has measured a bundle's files: checked, and put into figures."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from levit_edge.benchmark.measurement import ArtifactTimes, GoldenCheck, Latency, SpeedUp, Sustained, SustainedPoint
from levit_edge.benchmark.profile import Profile
from levit_edge.board.facts.device import describe_state
from levit_edge.board.profile import profile_of
from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.manifest import Artifact
from levit_edge.errors import BoardError
from levit_edge.runtime.inspect.blocks import Blocks
from levit_edge.text import entries, number, reason, text

__all__ = ["BenchmarkAnswer"]

MOST_POINTS = 30
"""The most points of a sustained run's curve."""
LONGEST_REASON = 500
LARGEST = 1e15
SHORTEST_MS, LONGEST_MS = 1e-3, 1e7
"""No board gives larger figures, or other times."""


class BenchmarkAnswer:
    """The agent's document. It comes from the board, so that nothing in it is taken for granted."""

    def __init__(self, document: Mapping[str, Any], board: str) -> None:
        self.document, self._board = document, board
        listed = document.get("entries")
        if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
            raise self._damaged("entries")
        self._entries = listed

    def times(self, artifact: Artifact, threads: int) -> ArtifactTimes:
        """One row."""
        entry = self._entry(artifact.file, threads)
        if entry is None:
            raise self._damaged(artifact.file)
        fault = entry.get("error")
        if fault is not None:
            message = fault.get("message") if isinstance(fault, dict) else fault
            return ArtifactTimes.of(artifact, threads, error=reason(message, LONGEST_REASON))
        taken = [milliseconds for turn in self._rounds(entry) for milliseconds in turn]
        p50, p90, p99 = (round(float(each), 4) for each in np.percentile(taken, [50, 90, 99]))
        peak, imported = self._number(entry, "peak_bytes"), self._number(entry, "imported_bytes")
        return replace(
            ArtifactTimes.of(artifact, threads),
            package=text(entry.get("package"), 80),
            runs=len(taken),
            load_ms=round(self._number(entry, "load_ms"), 3),
            first_ms=round(self._number(entry, "first_ms"), 3),
            latency_ms=Latency(p50=p50, p90=p90, p99=p99, min=round(min(taken), 4)),
            images_per_second=round(1000 / p50, 2),
            peak_rss_bytes=int(peak),
            model_rss_bytes=int(max(0, peak - imported)),
            golden=self._golden(entry),
        )

    def speedups(self, artifacts: Sequence[Artifact], threads: Sequence[int]) -> tuple[SpeedUp, ...]:
        """The speed-ups of each runtime and number of threads for which fp32 ran and an int8 file."""
        found = []
        names = {(each.runtime, each.precision): each.file for each in artifacts}
        int8 = [each for each in Precision if each.is_int8]
        for runtime, count, precision in product(dict.fromkeys(each.runtime for each in artifacts), threads, int8):
            pair = [self._entry(names.get((runtime, each)), count) for each in (Precision.FP32, precision)]
            timed = [self._rounds(each) for each in pair if each is not None and each.get("error") is None]
            if len({len(turns) for turns in timed}) > 1:
                raise self._damaged("rounds")
            if len(timed) == len(pair):
                ratios = [np.median(slow) / np.median(fast) for slow, fast in zip(*timed, strict=True)]
                p25, median, p75 = (round(float(each), 4) for each in np.percentile(ratios, [25, 50, 75]))
                found.append(
                    SpeedUp(runtime=runtime, precision=precision, threads=count, median=median, p25=p25, p75=p75)
                )
        return tuple(found)

    def sustained(self) -> Sustained | None:
        """The curve of continuous work, thinned out."""
        run = entries(self.document.get("sustained"))
        listed = run.get("points")
        points = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
        if not points:
            return None
        medians = [self._number(each, "p50_ms", SHORTEST_MS, LONGEST_MS) for each in points]
        fifth = max(1, len(medians) // 5)
        kept = [*points[: -1 : math.ceil(len(points) / (MOST_POINTS - 1))], points[-1]]
        return Sustained(
            artifact=text(run.get("file"), 80),
            threads=int(self._number(run, "threads")),
            points=tuple(self._point(each) for each in kept),
            slowdown=round(float(np.median(medians[-fifth:]) / np.median(medians[:fifth])), 4),
        )

    def profiles(
        self, artifacts: Sequence[Artifact], threads: Sequence[int], blocks_of: Callable[[Artifact], Blocks | None]
    ) -> tuple[Profile, ...]:
        """Where the time of each file that ran goes; `blocks_of` gives the blocks of an ONNX file."""
        known = {each.file: blocks_of(each) for each in artifacts if each.runtime is Runtime.ONNXRUNTIME}
        found = []
        for count, artifact in product(threads, artifacts):
            entry = entries(self._entry(artifact.file, count))
            if entry.get("error") is None:
                profile = profile_of(artifact, count, entry.get("profile"), known.get(artifact.file))
                if profile is None:
                    raise self._damaged("profile")
                found.append(profile)
        return tuple(found)

    def _point(self, point: Mapping[str, Any]) -> SustainedPoint:
        state = describe_state(point.get("state"))
        return SustainedPoint(
            seconds=round(self._number(point, "seconds"), 2),
            p50_ms=round(self._number(point, "p50_ms"), 4),
            mhz=state.mhz,
            hottest=max(state.temperatures.values(), default=None),
        )

    def _golden(self, entry: Mapping[str, Any]) -> GoldenCheck:
        golden = entry.get("golden")
        if not isinstance(golden, dict):
            raise self._damaged("golden")
        signal, noise = self._number(golden, "signal"), self._number(golden, "noise")
        return GoldenCheck(
            images=int(self._number(golden, "images")),
            same_top1=int(self._number(golden, "same_top1")),
            sqnr_db=round(10 * (math.log10(signal) - math.log10(noise)), 2) if noise and signal else None,
        )

    def _rounds(self, entry: Mapping[str, Any]) -> list[list[float]]:
        """Milliseconds of the runs of each turn."""
        rounds = entry.get("rounds")
        taken = rounds if isinstance(rounds, list) else []
        whole = taken and all(isinstance(turn, list) and turn for turn in taken)
        if not whole or any(number(each, SHORTEST_MS, LONGEST_MS) is None for turn in taken for each in turn):
            raise self._damaged("rounds")
        return taken

    def _entry(self, file: str | None, threads: int) -> dict[str, Any] | None:
        return next(
            (each for each in self._entries if (each.get("file"), each.get("threads")) == (file, threads)), None
        )

    def _number(self, entry: Mapping[str, Any], key: str, low: float = 0, high: float = LARGEST) -> float:
        value = number(entry.get(key), low, high)
        if value is None:
            raise self._damaged(key)
        return value

    def _damaged(self, what: str) -> BoardError:
        return BoardError(f"{self._board}: the board's answer is not a measurement ({what!r} is missing or wrong).")
