import math
import sys
from collections.abc import Iterable
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from levit_edge.runtime.evaluation.exact_sum import LONGEST_TEXT, ExactSum

finite = st.floats(allow_nan=False, allow_infinity=False)
lists = st.lists(finite | st.sampled_from([5e-324, -5e-324, 2.0**53, 1.0, sys.float_info.max, -sys.float_info.max]))


def summed(values: Iterable[float]) -> ExactSum:
    found = ExactSum()
    for value in values:
        found.add(value)
    return found


def nearest(values: list[float]) -> float:
    """By fractions, infinite where no float is near."""
    exact = sum(map(Fraction, values), Fraction())
    try:
        return float(exact)
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


@given(lists)
def test_the_value_is_the_float_nearest_to_the_exact_sum(values: list[float]) -> None:
    assert summed(values).value == nearest(values)


@given(st.lists(st.floats(-1e300, 1e300), max_size=50))
def test_it_is_that_of_fsum(values: list[float]) -> None:
    assert summed(values).value == math.fsum(values)


@given(st.lists(lists, max_size=5), st.randoms())
def test_neither_order_nor_grouping_matters(parts: list[list[float]], random: Random) -> None:
    values = [value for part in parts for value in part]
    merged = ExactSum()
    for part in random.sample(parts, len(parts)):
        merged.merge(ExactSum.from_text(summed(reversed(part)).to_text()))
    assert merged == summed(values)
    assert (merged == summed([*values, 5e-324])) is False


def test_what_ordinary_sums_lose_is_kept() -> None:
    assert sum([1e16, 1.0, -1e16]) == 0
    assert summed([1e16, 1.0, -1e16]).value == 1


@pytest.mark.parametrize("values", [[math.inf, 1.0], [-math.inf, 1.0], [math.inf, -math.inf], [math.nan, math.inf]])
def test_what_is_not_finite_counts_as_in_other_sums_and_is_not_read_again(values: list[float]) -> None:
    merged = summed(values[:1])
    merged.merge(summed(values[1:]))
    assert str(merged.value) == str(sum(values))
    with pytest.raises(ValueError, match="expected at most"):
        ExactSum.from_text(merged.to_text())


@pytest.mark.parametrize(
    "text", ["", "-", "-0", "+1", "01", "0x1", "1 ", "1\n", "1_0", "A", "1.0", "٣", "f" * (LONGEST_TEXT + 1)]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected at most"):
        ExactSum.from_text(text)


def test_units_are_the_smallest_numbers() -> None:
    assert ExactSum.from_text("-1f").value == -31 * 5e-324
    assert ExactSum.from_text("1" + "0" * 268 + "0").value == 2.0 ** (4 * 269 - 1074)
