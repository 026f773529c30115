import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from levit_edge.runtime.evaluation.comparison import Comparison, Counts, margin, paired_interval, predicted_class

Floats = npt.NDArray[np.float32]
SUM_TOLERANCE = 1e-9
"""Relative: float64 sums of a few squares in another order."""
Z = 1.9599639845400545
"""97.5 % point of the normal distribution, from a table."""

few_values = st.sampled_from([-2.0, -0.5, 0.0, 0.25, 1.0, 3.0])  # so that ties are common
shapes = st.tuples(st.integers(1, 12), st.integers(1, 8))
logits = shapes.flatmap(
    lambda shape: st.tuples(
        npst.arrays(np.float32, shape, elements=few_values | st.floats(-50, 50, width=32)),
        npst.arrays(np.float32, shape, elements=few_values | st.floats(-50, 50, width=32)),
        npst.arrays(np.int64, shape[0], elements=st.integers(0, shape[1] - 1)),
    )
)
counts = st.integers(1, 5000).flatmap(
    lambda samples: st.integers(0, samples).flatmap(
        lambda lost: st.tuples(st.just(lost), st.integers(0, samples - lost), st.just(samples))
    )
)


def compared(reference: Floats, candidate: Floats, labels: npt.NDArray[np.int64]) -> tuple[Counts, Comparison]:
    """What the candidate's `Counts` and `Comparison` are after all images."""
    reference_counts, candidate_counts, comparison = Counts(), Counts(), Comparison()
    for expected, found, label in zip(reference, candidate, labels, strict=True):
        comparison.add(expected, found)
        right = reference_counts.add(expected, int(label))
        comparison.add_outcome(right, candidate_counts.add(found, int(label)))
    return candidate_counts, comparison


@given(logits)
def test_counts_are_those_of_a_plain_computation(data: tuple[Floats, Floats, npt.NDArray[np.int64]]) -> None:
    reference, candidate, labels = data
    counted, comparison = compared(*data)
    before, after = reference.argmax(1), candidate.argmax(1)
    better = (candidate > candidate[np.arange(len(labels)), labels][:, None]).sum(1)
    ties_before = [
        int((row[:label] == row[label]).sum()) for row, label in zip(candidate, labels, strict=True)
    ]  # equal logits count in class order
    assert counted.samples == comparison.samples == len(labels)
    assert counted.top1 == (after == labels).sum()
    assert counted.top5 == (better + ties_before < 5).sum()
    assert comparison.same == (before == after).sum()
    assert comparison.lost == ((before == labels) & (after != labels)).sum()
    assert comparison.gained == ((before != labels) & (after == labels)).sum()


@given(logits)
def test_noise_and_margins_are_those_of_a_plain_computation(
    data: tuple[Floats, Floats, npt.NDArray[np.int64]],
) -> None:
    reference, candidate = data[0].astype(np.float64), data[1].astype(np.float64)
    _, comparison = compared(*data)
    signal, noise = (reference**2).sum(), ((candidate - reference) ** 2).sum()
    if signal == 0 or noise == 0:
        assert comparison.sqnr_db is None
    else:
        assert comparison.sqnr_db == pytest.approx(20 * np.log10(np.sqrt(signal / noise)), abs=1e-6)
    assert comparison.signal.value == pytest.approx(signal, rel=SUM_TOLERANCE)
    changes = []
    for before, after in zip(reference, candidate, strict=True):
        winner = before.argmax()
        others = np.arange(len(before)) != winner
        margins = [each[winner] - each[others].max() if others.any() else 0.0 for each in (before, after)]
        changes.append(margins[1] - margins[0])
    assert comparison.margin_change_sum.value == pytest.approx(sum(changes), rel=SUM_TOLERANCE, abs=1e-9)
    assert comparison.margin_change_worst == min(changes)


def test_equal_logits_are_taken_in_class_order() -> None:
    tied = np.array([1, 3, 3, 0, 3, 3, 3, 3], np.float32)
    assert predicted_class(tied) == 1
    counted = Counts()
    assert [counted.add(tied, label) for label in range(8)] == [False, True, *[False] * 6]
    assert (counted.top1, counted.top5, counted.samples) == (1, 5, 8)


def test_one_class_is_always_right_and_has_no_margin() -> None:
    only = np.array([-3.0], np.float32)
    counted, comparison = compared(np.stack([only]), np.stack([only * 2]), np.array([0]))
    assert (counted.top1, counted.top5, comparison.same, comparison.lost, comparison.gained) == (1, 1, 1, 0, 0)
    assert margin(only.astype(np.float64), 0) == 0.0
    assert comparison.margin_change_worst == 0.0


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_top5_of_up_to_five_classes_is_always_right(classes: int) -> None:
    counted = Counts()
    for label in range(classes):
        counted.add(np.arange(classes, dtype=np.float32), label)
    assert counted.top5 == classes
    assert counted.top1 == 1


def test_small_noise_is_not_lost_in_single_precision() -> None:
    reference = np.array([1e4, 1.0], np.float32)
    comparison = Comparison()
    comparison.add(reference, reference + np.array([0, 1e-3], np.float32))
    assert comparison.sqnr_db == pytest.approx(140.0, abs=0.01)


@given(counts)
def test_the_interval_is_that_of_the_paper(data: tuple[int, int, int]) -> None:
    """Bonett and Price 2012: Wald's interval after one is added to each discordant count and two to n."""
    lost, gained, samples = data
    outcomes = np.concatenate([np.full(lost + 1, 1.0), np.full(gained + 1, -1.0), np.zeros(samples - lost - gained)])
    mean, variance = outcomes.sum() / (samples + 2), (outcomes**2).sum() / (samples + 2)
    half = Z * math.sqrt((variance - mean**2) / (samples + 2))
    low, high = paired_interval(lost, gained, samples)
    assert low == pytest.approx(max(-100, 100 * (mean - half)), abs=1e-9)
    assert high == pytest.approx(min(100, 100 * (mean + half)), abs=1e-9)


def test_the_interval_of_an_example_worked_by_hand() -> None:
    low, high = paired_interval(lost=14, gained=8, samples=980)
    assert low == pytest.approx(-0.367, abs=1e-3)  # 15/982 - 9/982 -+ 1.96 sqrt((24/982 - (6/982)^2) / 982)
    assert high == pytest.approx(1.589, abs=1e-3)


@given(counts)
def test_the_interval_is_sane(data: tuple[int, int, int]) -> None:
    lost, gained, samples = data
    low, high = paired_interval(lost, gained, samples)
    assert -100 <= low < high <= 100
    assert low <= 100 * (lost - gained) / samples <= high
    swapped = paired_interval(gained, lost, samples)
    assert swapped == pytest.approx((-high, -low), abs=1e-9)
    width = high - low
    low, high = paired_interval(4 * lost, 4 * gained, 4 * samples)
    assert high - low < width


@pytest.mark.parametrize("samples", [50, 200, 980])
@pytest.mark.parametrize(("p_lost", "p_gained"), [(0.002, 0.001), (0.02, 0.01), (0.05, 0.05), (0.2, 0.05)])
def test_the_interval_covers_the_truth_as_often_as_it_says(samples: int, p_lost: float, p_gained: float) -> None:
    generator = np.random.default_rng(0)
    runs = 4000
    drawn = generator.multinomial(samples, [p_lost, p_gained, 1 - p_lost - p_gained], runs)
    truth, covered = 100 * (p_lost - p_gained), 0
    for lost, gained, _ in drawn:
        low, high = paired_interval(int(lost), int(gained), samples)
        covered += low <= truth <= high
    assert covered / runs >= 0.93
