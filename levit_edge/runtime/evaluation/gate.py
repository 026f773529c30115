"""Whether what was measured can be right, and whether it keeps the accuracy gate.

A wrong order of classes or another normalisation makes fp32 and INT8 alike poor: the drop is then small and says
nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from levit_edge.bundle.kinds import GateOn, Precision
from levit_edge.bundle.manifest import ArtifactResult, Gate, Verification
from levit_edge.data.classes import PairingRecord
from levit_edge.model.config import LevitConfig
from levit_edge.text import are, counted

__all__ = [
    "NO_GATE",
    "GateRules",
    "demands",
    "gate",
    "judged_drop",
    "poor_fp32",
    "published_top1",
    "verdict",
    "wilson_interval",
]

Z95 = 1.959963984540054
"""97.5 % quantile of the standard normal distribution."""
IMAGENET_CLASSES = 1000
PUBLISHED_MARGIN_PT = 2.0
"""Decoders and resizing of other libraries move the top-1 of ImageNet by some tenths of a point, no more."""
CAUSES = (
    "Likely causes: labels of another order of classes (--classes FILE says the right one), another normalisation, "
    "resize or crop than the model was trained for (--mean, --std, --resize, --crop), or other weights than were "
    "meant, such as raw ones for averaged ones (--weights)."
)


@dataclass(frozen=True, kw_only=True)
class GateRules:
    """What is demanded of the drop, how that is judged, and what is known of the model's accuracy."""

    max_drop_pt: float | None = None
    """How much top-1 may drop from fp32, percentage points; None: there is no gate."""
    on: GateOn = GateOn.DROP
    allow_poor_fp32: bool = False
    """Let the gate pass although fp32's accuracy cannot be right."""
    published_top1: float | None = None
    """Percent on ImageNet's validation images, of published weights."""

    def of_weights(self, config: LevitConfig, sha256: str) -> "GateRules":
        """These, for the weights file with this SHA-256."""
        return replace(self, published_top1=published_top1(config, sha256))

    def option_words(self) -> list[tuple[str, ...]]:
        """As options of the command line."""
        words: list[tuple[str, ...]] = []
        if self.max_drop_pt is not None:
            words.append(("--max-drop", repr(self.max_drop_pt).removesuffix(".0")))
        if self.on is not GateOn.DROP:
            words.append(("--gate-on", str(self.on)))
        return [*words, ("--allow-poor-fp32",)] if self.allow_poor_fp32 else words


NO_GATE = GateRules()


def published_top1(config: LevitConfig, sha256: str) -> float | None:
    """The published accuracy of a weights file, percent; None if it is not one of the published."""
    official = config.weights
    return official.top1 if official is not None and sha256.startswith(official.sha256_prefix) else None


def wilson_interval(right: float, samples: int) -> tuple[float, float]:
    """95 % interval of a proportion, percent, of `right` percent of so many samples.

    E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", Journal of the American
    Statistical Association 22, 1927.
    """
    share, weight = right / 100, Z95**2 / samples
    centre = (share + weight / 2) / (1 + weight)
    half_width = Z95 / (1 + weight) * math.sqrt(share * (1 - share) / samples + weight / (4 * samples))
    return 100 * max(0.0, centre - half_width), 100 * min(1.0, centre + half_width)


def poor_fp32(
    results: Sequence[ArtifactResult], samples: int, classes: PairingRecord | None, published: float | None
) -> str | None:
    """Why fp32's accuracy cannot be that of the model as it was trained; None if it can.

    It is no better than chance (the interval of its top-1 has one in `classes.outputs` in it), or the published weights
    are more than 2 points below their accuracy on images of all 1,000 classes.
    """
    top1 = min(
        (each.top1 for each in results if each.precision is Precision.FP32 and each.top1 is not None), default=None
    )
    if top1 is None or classes is None:
        return None
    low, high = wilson_interval(top1, samples)
    if low <= 100 / classes.outputs:
        return (
            f"fp32 is right on {top1:.2f} % of {counted(samples, 'image')}, which is no better than chance among "
            f"{counted(classes.outputs, 'class')} (95 % interval {low:.2f} to {high:.2f} %). {CAUSES}"
        )
    if published is not None and classes.labels == IMAGENET_CLASSES and high < published - PUBLISHED_MARGIN_PT:
        return (
            f"fp32 is right on {top1:.2f} % of {samples:,} images (95 % interval {low:.2f} to {high:.2f} %), and these "
            f"published weights on {published:.1f} % of ImageNet's validation images. {CAUSES}"
        )
    return None


def gate(results: Sequence[ArtifactResult], rules: GateRules, poor: str | None = None) -> Gate:
    """Whether every drop that could be measured is within `rules.max_drop_pt`, and may be believed.

    On the interval, its upper end has to be. With a `poor` fp32 the gate does not pass, unless that is allowed.
    """
    drops = [drop for each in results if (drop := judged_drop(each, rules.on)) is not None]
    passed = None
    if rules.max_drop_pt is not None and drops:
        passed = max(drops) <= rules.max_drop_pt and (poor is None or rules.allow_poor_fp32)
    return Gate(max_drop_pt=rules.max_drop_pt, passed=passed, on=rules.on, allow_poor_fp32=rules.allow_poor_fp32)


def demands(asked: Gate) -> str | None:
    """What a gate demands, for people; None if that is nothing."""
    if asked.max_drop_pt is None:
        return None
    what = "top-1 drops by" if asked.on is GateOn.DROP else "the upper end of the drop's 95 % interval is"
    poor = "allowed" if asked.allow_poor_fp32 else "not allowed"
    return f"{what} at most {_points(asked.max_drop_pt)}; an fp32 whose own accuracy cannot be right is {poor}"


def verdict(verification: Verification) -> str | None:
    """What the gate says, and why; None if there is no gate, or nothing to judge."""
    asked, results = verification.gate, verification.results
    if asked.passed is None or asked.max_drop_pt is None:
        return None
    limit = _points(asked.max_drop_pt)
    drop = max((judged for each in results if (judged := judged_drop(each, asked.on)) is not None), default=0.0)
    what = "the drop" if asked.on is GateOn.DROP else "the upper end of the drop's 95 % interval"
    poor = "fp32's accuracy cannot be right, see above (--allow-poor-fp32 lets it pass)"
    if not asked.passed:
        reason = f"{what} is more than {limit}" if verification.poor_fp32 is None or drop > asked.max_drop_pt else poor
        return f"gate FAILED: {reason}"
    allowed = "" if verification.poor_fp32 is None else "; that fp32's accuracy cannot be right is allowed"
    if verification.not_run:
        allowed += f"; not judged: {', '.join(verification.not_run)}"
    upper = max((each.drop_ci95_pt[1] for each in results if each.drop_ci95_pt is not None), default=0.0)
    if upper <= asked.max_drop_pt:
        return f"gate passed: {what} is at most {limit}{allowed}"
    images = f"{counted(verification.samples, 'image')} {are(verification.samples)}"
    return (
        f"gate passed: {what} is at most {limit}; but {images} too few to tell: it"
        f" may be {upper:.2f} (95 % interval). --gate-on interval demands that this is within the gate too{allowed}."
    )


def _points(limit: float) -> str:
    return f"{limit:g} point{'' if limit == 1 else 's'}"


def judged_drop(result: ArtifactResult, on: GateOn) -> float | None:
    """The figure that a gate judges, percentage points; None if it was not measured."""
    if on is GateOn.DROP or result.drop_ci95_pt is None:
        return result.drop_pt
    return result.drop_ci95_pt[1]
