"""Histograms and the ranges chosen from them."""

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from levit_edge.bundle.recipe import RangeMethod, Recipe
from levit_edge.errors import QuantizationError
from levit_edge.quantize.calibration.histogram import BINS, Histogram
from levit_edge.quantize.ranges.affine import INT8_MAX, INT8_MIN, Range
from levit_edge.quantize.ranges.choose import choose_range

finite = st.floats(-1e4, 1e4, width=32)


def histogram_of(*chunks: torch.Tensor) -> Histogram:
    histogram = Histogram()
    for chunk in chunks:
        histogram.update(chunk)
    return histogram


def heavy_tailed(count: int = 200_000) -> torch.Tensor:
    """Like an activation after hardswish: a floor of -0.375, most values small, a few very large."""
    values = torch.randn(count, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.hardswish(values * values.abs() * 2)


@settings(deadline=None)
@given(st.lists(st.lists(finite, min_size=1, max_size=50), min_size=1, max_size=8))
@example([[1.0], [2.0]])
def test_how_values_are_split_into_updates_does_not_matter(chunks: list[list[float]]) -> None:
    split = histogram_of(*(torch.tensor(chunk) for chunk in chunks))
    whole = histogram_of(torch.tensor([value for chunk in chunks for value in chunk]))
    assert (split.minimum, split.maximum, split.limit) == (whole.minimum, whole.maximum, whole.limit)
    assert torch.equal(split.counts, whole.counts)
    assert int(split.counts.sum()) == sum(len(chunk) for chunk in chunks)


def test_memory_does_not_grow() -> None:
    histogram = histogram_of(*(torch.randn(1000) * 10.0**power for power in range(-6, 7)))
    assert histogram.counts.shape == (BINS,)
    assert int(histogram.counts.sum()) == 13_000


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_value_that_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(QuantizationError, match="NaN or infinite"):
        Histogram().update(torch.tensor([1.0, value]))


def test_nothing_seen_is_refused() -> None:
    with pytest.raises(QuantizationError, match="no activations"):
        choose_range(Histogram(), Recipe())


@given(finite, finite)
def test_zero_is_exact_and_the_range_is_covered(first: float, second: float) -> None:
    low, high = min(first, second), max(first, second)
    affine = Range(minimum=low, maximum=high).affine()
    assert INT8_MIN <= affine.zero_point <= INT8_MAX
    lowest = affine.scale * (INT8_MIN - affine.zero_point)
    highest = affine.scale * (INT8_MAX - affine.zero_point)
    assert lowest <= min(low, 0) + affine.scale / 2 * 1.001
    assert highest >= max(high, 0) - affine.scale / 2 * 1.001


def test_one_sided_values_use_all_steps() -> None:
    affine = Range(minimum=-0.375, maximum=20.0).affine()
    assert affine.scale == pytest.approx(20.375 / 255)
    assert affine.zero_point == -123


def test_percentile_is_numpys() -> None:
    values = heavy_tailed()
    recipe = Recipe(range_method=RangeMethod.PERCENTILE, percentile=99.9)
    chosen = choose_range(histogram_of(values), recipe)
    assert chosen.maximum == pytest.approx(float(np.percentile(values.numpy(), 99.9)), abs=2 * 2 * 64 / BINS)
    assert chosen.minimum >= float(values.min())


def squared_error(values: torch.Tensor, chosen: Range) -> float:
    affine = chosen.affine()
    restored = torch.fake_quantize_per_tensor_affine(values, affine.scale, affine.zero_point, INT8_MIN, INT8_MAX)
    return float((restored - values).double().square().sum())


def test_mse_clips_where_that_is_better_and_never_worse_than_minmax() -> None:
    values = torch.cat([torch.randn(100_000, generator=torch.Generator().manual_seed(1)), torch.tensor([40.0])])
    histogram = histogram_of(values)
    minmax = choose_range(histogram, Recipe(range_method=RangeMethod.MINMAX))
    mse = choose_range(histogram, Recipe(range_method=RangeMethod.MSE))
    assert (minmax.minimum, minmax.maximum) == (float(values.min()), 40.0)
    assert mse.maximum < 40.0
    assert squared_error(values, mse) < squared_error(values, minmax)


def test_entropy_clips_a_far_outlier_and_keeps_an_even_spread() -> None:
    recipe = Recipe(range_method=RangeMethod.ENTROPY)
    outlier = torch.cat([torch.randn(100_000, generator=torch.Generator().manual_seed(1)), torch.tensor([400.0])])
    assert choose_range(histogram_of(outlier), recipe).maximum < 200
    even = torch.rand(100_000, generator=torch.Generator().manual_seed(2)) * 10
    assert choose_range(histogram_of(even), recipe).maximum > 9
