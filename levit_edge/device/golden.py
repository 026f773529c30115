"""Whether a model computes here what it computed where it was made. Runs with Python 3.9: packages carry this file."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

LEAST_SQNR_DB = {"fp32": 80.0, "int8": 20.0, "int8-f16": 20.0}
"""The least SQNR of the golden logits on the board against those in the bundle. Kernels of other processors sum in
another order, and an int8 value near a rounding boundary then falls to the other side. The worst single photograph on
three emulated processors had 116.7 and 34.1 dB (docs/boards.md), so this leaves 36 and 14 dB for other boards and
models."""
Floats = npt.NDArray[np.float32]


def compare_golden(
    run: Callable[[Floats], Floats], inputs: Floats, golden: Floats, least_sqnr_db: float
) -> tuple[float, bool]:
    """Run the golden inputs (N, 3, size, size) one by one and compare their logits with `golden` (N, classes).

    Returns:
        The largest absolute difference of a logit, and whether 10 log10 (Σ golden² / Σ (found − golden)²) is at least
        `least_sqnr_db`.
    """
    found = np.stack([run(image[np.newaxis]) for image in inputs]).astype(np.float64)
    if found.shape != golden.shape:
        return float("inf"), False
    error, expected = found - golden, golden.astype(np.float64)
    passed = np.square(error).sum() <= np.square(expected).sum() * 10 ** (-least_sqnr_db / 10)
    return float(np.abs(error).max()), bool(passed)
