"""Running statistics of one artifact against its fp32 reference: exact counts and sums, constant memory.

Paired interval: D. G. Bonett and R. M. Price, "Adjusted Wald Confidence Interval for a Difference of Binomial
Proportions Based on Paired Data", Journal of Educational and Behavioral Statistics 37(4), 2012.
"""

import math
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from levit_edge.device.ranking import top_classes
from levit_edge.runtime.evaluation.exact_sum import ExactSum

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

    def merge(self, other: Self) -> None:
        """Count the images that `other` has counted."""
        self.samples += other.samples
        self.top1 += other.top1
        self.top5 += other.top5


@dataclass
class Comparison:
    """One candidate against its reference, image by image."""

    samples: int = 0
    same: int = 0
    lost: int = 0
    gained: int = 0
    signal: ExactSum = field(default_factory=ExactSum)
    noise: ExactSum = field(default_factory=ExactSum)
    margin_change_sum: ExactSum = field(default_factory=ExactSum)
    margin_change_worst: float | None = None
    """None before the first image."""

    def add(self, reference: NDArray[np.float32], candidate: NDArray[np.float32]) -> None:
        """Count one image; both are (classes,) logits."""
        expected, found = reference.astype(np.float64), candidate.astype(np.float64)
        self.samples += 1
        self.same += predicted_class(expected) == predicted_class(found)
        self.signal.add(float(np.square(expected).sum()))
        self.noise.add(float(np.square(found - expected).sum()))
        winner = predicted_class(expected)
        change = margin(found, winner) - margin(expected, winner)
        self.margin_change_sum.add(change)
        self._take_worst(change)

    def add_outcome(self, reference_right: bool, candidate_right: bool) -> None:
        """Count one labelled image's flip, if it is one."""
        self.lost += reference_right and not candidate_right
        self.gained += candidate_right and not reference_right

    def merge(self, other: Self) -> None:
        """Count the images that `other` has counted."""
        self.samples += other.samples
        self.same += other.same
        self.lost += other.lost
        self.gained += other.gained
        self.signal.merge(other.signal)
        self.noise.merge(other.noise)
        self.margin_change_sum.merge(other.margin_change_sum)
        if other.margin_change_worst is not None:
            self._take_worst(other.margin_change_worst)

    @property
    def sqnr_db(self) -> float | None:
        """Signal to quantization noise ratio in dB; None when there is no noise at all."""
        signal, noise = self.signal.value, self.noise.value
        if noise == 0 or signal == 0:
            return None
        return 10 * (math.log10(signal) - math.log10(noise))

    def _take_worst(self, change: float) -> None:
        self.margin_change_worst = change if self.margin_change_worst is None else min(self.margin_change_worst, change)


def predicted_class(logits: NDArray[np.floating]) -> int:
    """The index of the largest logit, the first one if several are equal."""
    return int(np.argmax(logits))


def margin(logits: NDArray[np.float64], winner: int) -> float:
    """The logit of `winner` minus the largest other one; 0 for a model of one class."""
    others = np.delete(logits, winner)
    return float(logits[winner] - others.max()) if others.size else 0.0
