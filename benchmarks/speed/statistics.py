"""Latencies of one contender, and of one against another, from what was measured in turns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Latency", "Ratio", "latency_of", "paired_ratio"]


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Over all timed runs, milliseconds."""

    median_ms: float
    p90_ms: float
    min_ms: float
    runs: int


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """One contender's time over another's, round by round: below 1 is faster."""

    median: float
    p25: float
    p75: float


def latency_of(rounds: Sequence[Sequence[float]]) -> Latency:
    """From the milliseconds of every run of every round."""
    taken = np.concatenate([np.asarray(each, np.float64) for each in rounds])
    median, p90 = np.percentile(taken, [50, 90])
    return Latency(
        median_ms=round(float(median), 4),
        p90_ms=round(float(p90), 4),
        min_ms=round(float(taken.min()), 4),
        runs=len(taken),
    )


def paired_ratio(mine: Sequence[Sequence[float]], reference: Sequence[Sequence[float]]) -> Ratio:
    """Quartiles, over the rounds, of the ratio of the two medians of a round.

    The two of one round ran within seconds of each other, so that what slows the machine for longer cancels.
    """
    pairs = zip(mine, reference, strict=True)
    ratios = [float(np.median(each)) / float(np.median(other)) for each, other in pairs]
    p25, median, p75 = (round(float(value), 4) for value in np.percentile(ratios, [25, 50, 75]))
    return Ratio(median=median, p25=p25, p75=p75)
