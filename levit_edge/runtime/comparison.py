"""Running statistics of one artifact against its fp32 reference: exact counts, constant memory.

Paired interval: D. G. Bonett and R. M. Price, "Adjusted Wald Confidence Interval for a Difference of Binomial
Proportions Based on Paired Data", Journal of Educational and Behavioral Statistics 37(4), 2012.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from levit_edge.runtime.ranking import top_classes

__all__ = ["Comparison", "Counts", "paired_interval"]

Z95 = 1.959963984540054
"""97.5 % quantile of the standard normal distribution."""


def paired_interval(lost: int, gained: int, samples: int) -> tuple[float, float]:
    """95 % interval of the drop, in percentage points.

    `lost` images were right in the reference only, `gained` in the candidate only. With the adjusted
    p = (count + 1) / (samples + 2), the interval is
    p_lost − p_gained ± z sqrt((p_lost + p_gained − (p_lost − p_gained)²) / (samples + 2)).
    """
    adjusted = samples + 2
    p_lost, p_gained = (lost + 1) / adjusted, (gained + 1) / adjusted
    centre = p_lost - p_gained
    half_width = Z95 * math.sqrt((p_lost + p_gained - centre**2) / adjusted)
    return 100 * max(-1.0, centre - half_width), 100 * min(1.0, centre + half_width)


@dataclass
class Counts:
    """Right answers of one artifact."""

    samples: int = 0
    top1: int = 0
    top5: int = 0

    def add(self, logits: NDArray[np.float32], label: int) -> bool:
        """Count one labelled image and say whether its top-1 is right."""
        right = predicted_class(logits) == label
        self.samples += 1
        self.top1 += right
        self.top5 += label in top_classes(logits, 5)
        return right


@dataclass
class Comparison:
    """One candidate against its reference, image by image."""

    samples: int = 0
    same: int = 0
    lost: int = 0
    gained: int = 0
    signal: float = 0.0
    noise: float = 0.0
    margin_change_sum: float = 0.0
    margin_change_worst: float = math.inf

    def add(self, reference: NDArray[np.float32], candidate: NDArray[np.float32]) -> None:
        """Count one image; both are (classes,) logits."""
        expected, found = reference.astype(np.float64), candidate.astype(np.float64)
        self.samples += 1
        self.same += predicted_class(expected) == predicted_class(found)
        self.signal += float(np.square(expected).sum())
        self.noise += float(np.square(found - expected).sum())
        winner = predicted_class(expected)
        change = margin(found, winner) - margin(expected, winner)
        self.margin_change_sum += change
        self.margin_change_worst = min(self.margin_change_worst, change)

    def add_outcome(self, reference_right: bool, candidate_right: bool) -> None:
        """Count one labelled image's flip, if it is one."""
        self.lost += reference_right and not candidate_right
        self.gained += candidate_right and not reference_right

    @property
    def sqnr_db(self) -> float | None:
        """Signal to quantization noise ratio in dB; None when there is no noise at all."""
        if self.noise == 0 or self.signal == 0:
            return None
        return 10 * math.log10(self.signal / self.noise)


def predicted_class(logits: NDArray[np.floating]) -> int:
    """The index of the largest logit, the first one if several are equal."""
    return int(np.argmax(logits))


def margin(logits: NDArray[np.float64], winner: int) -> float:
    """The logit of `winner` minus the largest other one; 0 for a model of one class."""
    others = np.delete(logits, winner)
    return float(logits[winner] - others.max()) if others.size else 0.0
