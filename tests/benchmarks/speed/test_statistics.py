"""Figures from given numbers."""

import pytest

from benchmarks.speed.statistics import Latency, Ratio, latency_of, paired_ratio


def test_latency_is_over_all_runs_of_all_rounds() -> None:
    assert latency_of([[1, 2, 3], [4, 5, 6], [7, 8, 9], [10, 11]]) == Latency(median_ms=6, p90_ms=10, min_ms=1, runs=11)


def test_a_ratio_pairs_the_rounds() -> None:
    """The machine slows down tenfold in the course of the race: that is in the latencies, not in the ratio."""
    reference = [[2.0, 2.0, 2.0], [4.0, 4.0, 4.0], [20.0, 20.0, 20.0]]
    assert paired_ratio([[1.0, 1.0, 9.0], [2.0, 2.0, 2.0], [10.0, 10.0, 0.0]], reference) == Ratio(
        median=0.5, p25=0.5, p75=0.5
    )


def test_its_spread_is_the_quartiles_over_the_rounds() -> None:
    mine = [[each] for each in (1.0, 2, 3, 4, 5)]
    assert paired_ratio(mine, [[2.0]] * 5) == Ratio(median=1.5, p25=1, p75=2)


def test_rounds_that_were_not_run_together_are_refused() -> None:
    with pytest.raises(ValueError, match="longer"):
        paired_ratio([[1.0]], [[1.0], [1.0]])
