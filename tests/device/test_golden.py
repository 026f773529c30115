import numpy as np
import pytest
from numpy.typing import NDArray

from levit_edge.device.golden import compare_golden

INPUTS = np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2)


def sums(image: NDArray[np.float32]) -> NDArray[np.float32]:
    logits: NDArray[np.float32] = image.sum((2, 3))[0]
    return logits


@pytest.mark.parametrize(("error", "least_sqnr_db", "passed"), [(0, 200, True), (0.09, 20, True), (0.11, 20, False)])
def test_the_error_may_have_so_many_db_less_than_the_signal(error: float, least_sqnr_db: float, passed: bool) -> None:
    golden = np.stack([sums(image[np.newaxis]) for image in INPUTS])
    difference, found = compare_golden(lambda image: sums(image) * np.float32(1 + error), INPUTS, golden, least_sqnr_db)
    assert found is passed
    assert difference == pytest.approx(error * golden.max(), rel=1e-5)


def test_what_is_not_finite_or_has_another_shape_fails() -> None:
    golden = np.ones((2, 3), np.float32)
    assert not compare_golden(lambda _: np.full(3, np.nan, np.float32), INPUTS, golden, 20)[1]
    assert compare_golden(lambda _: np.ones(4, np.float32), INPUTS, golden, 20) == (float("inf"), False)
