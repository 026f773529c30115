"""From logits to the likeliest classes. Runs with Python 3.9: packages for boards carry this file."""

import numpy as np
import numpy.typing as npt


def softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """(classes,) logits -> (classes,) probabilities, 0 to 1."""
    weights = np.exp(logits.astype(np.float64) - logits.max())
    probabilities: npt.NDArray[np.float64] = weights / weights.sum()
    return probabilities


def top_classes(logits: npt.NDArray[np.floating], count: int) -> list[int]:
    """The indices of the `count` largest logits, largest first; equal ones in index order."""
    return [int(index) for index in np.argsort(-logits, kind="stable")[:count]]
