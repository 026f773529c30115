"""What artifacts did on some images, in a form that can be merged.

Counts are integers and sums are exact, so parts of an evaluation give, merged in any order, what the whole gives.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.manifest import AmongPresent, Artifact, ArtifactResult, ImageProvenance, Verification
from levit_edge.data.classes import PairingRecord
from levit_edge.errors import BundleError
from levit_edge.runtime.evaluation.comparison import Comparison, Counts, paired_interval
from levit_edge.runtime.evaluation.evaluator import THREADS, Answer
from levit_edge.runtime.evaluation.exact_sum import ExactSum
from levit_edge.runtime.evaluation.gate import GateRules, gate, poor_fp32

__all__ = ["PresentTally", "Tallies", "Tally"]

Floats = NDArray[np.float32]
MOST_IMAGES = 2**53


@dataclass(kw_only=True)
class Tally:
    """What one artifact did; `comparison` stays empty for the reference, and `counts` without labels."""

    images: int = 0
    seconds: ExactSum = field(default_factory=ExactSum)
    """In the runtime alone."""
    counts: Counts = field(default_factory=Counts)
    comparison: Comparison = field(default_factory=Comparison)

    def __post_init__(self) -> None:
        counts, compared = self.counts, self.comparison
        worst = compared.margin_change_worst
        consistent = (
            0 <= self.images <= MOST_IMAGES
            and counts.samples in (0, self.images)
            and 0 <= counts.top1 <= counts.top5 <= counts.samples
            and compared.samples in (0, self.images)
            and 0 <= compared.same <= compared.samples
            and 0 <= compared.lost <= counts.samples - counts.top1
            and 0 <= compared.gained <= counts.top1
            and compared.lost + compared.gained <= compared.samples - compared.same
            and (worst is None) == (compared.samples == 0)
            and (worst is None or math.isfinite(worst))
            and min(self.seconds.value, compared.signal.value, compared.noise.value) >= 0
        )
        if not consistent:
            raise BundleError("its numbers contradict each other.")

    def merge(self, other: Self) -> None:
        """Count the images that `other` has counted; both have labels or both have not."""
        self.images += other.images
        self.seconds.merge(other.seconds)
        self.counts.merge(other.counts)
        self.comparison.merge(other.comparison)

    def result(self, artifact: Artifact) -> ArtifactResult:
        """The figures of `artifact`, whose tally this is."""
        counts = self.counts
        comparison = self.comparison if self.comparison.samples else None
        labelled = counts.samples > 0
        paired = comparison if labelled else None
        seconds = self.seconds.value
        return ArtifactResult(
            artifact=artifact.file,
            runtime=artifact.runtime,
            precision=artifact.precision,
            size_bytes=artifact.size_bytes,
            top1=100 * counts.top1 / counts.samples if labelled else None,
            top5=100 * counts.top5 / counts.samples if labelled else None,
            drop_pt=100 * (paired.lost - paired.gained) / counts.samples if paired else None,
            drop_ci95_pt=paired_interval(paired.lost, paired.gained, counts.samples) if paired else None,
            agreement=100 * comparison.same / comparison.samples if comparison else None,
            flips_lost=paired.lost if paired else None,
            flips_gained=paired.gained if paired else None,
            sqnr_db=comparison.sqnr_db if comparison else None,
            margin_change_mean=comparison.margin_change_sum.value / comparison.samples if comparison else None,
            margin_change_worst=comparison.margin_change_worst if comparison else None,
            images_per_second=self.images / seconds if seconds else 0.0,
        )


class Tallies:
    """The tallies of several artifacts over the same images, each compared with the fp32 artifact of its runtime."""

    def __init__(self, artifacts: Sequence[Artifact]) -> None:
        """`artifacts` are in the order in which an `Answer` has them.

        Raises:
            BundleError: a runtime has no fp32 artifact.
        """
        self._artifacts = tuple(artifacts)
        self._lanes = [_lane(artifacts, runtime) for runtime in dict.fromkeys(each.runtime for each in artifacts)]
        self.by_artifact: Mapping[Artifact, Tally] = {each: Tally() for lane in self._lanes for each in lane}
        """Runtime after runtime, the fp32 reference of each first."""

    def count(self, answer: Answer, label: int | None) -> dict[Artifact, Floats]:
        """Count one image, and give the (classes,) logits of each artifact."""
        for artifact, seconds in zip(self._artifacts, answer.seconds, strict=True):
            tally = self.by_artifact[artifact]
            tally.images += 1
            tally.seconds.add(seconds)
        logits = dict(zip(self._artifacts, answer.logits, strict=True))
        for reference, *candidates in self._lanes:
            expected = logits[reference]
            reference_right = label is not None and self.by_artifact[reference].counts.add(expected, label)
            for candidate in candidates:
                tally, found = self.by_artifact[candidate], logits[candidate]
                tally.comparison.add(expected, found)
                if label is not None:
                    tally.comparison.add_outcome(reference_right, tally.counts.add(found, label))
        return logits

    def results(self) -> tuple[ArtifactResult, ...]:
        """The figures of all artifacts, in the order of `by_artifact`."""
        return tuple(tally.result(artifact) for artifact, tally in self.by_artifact.items())

    def verification(
        self,
        images: ImageProvenance,
        runtimes: dict[str, str],
        host: dict[str, str],
        rules: GateRules,
        *,
        classes: PairingRecord | None = None,
    ) -> Verification:
        """The figures as a bundle keeps them; see `levit_edge.runtime.evaluation.verify.score`."""
        results = self.results()
        poor = poor_fp32(results, images.count, classes, rules.published_top1)
        return Verification(
            samples=images.count,
            labelled=any(each.top1 is not None for each in results),
            images=images,
            runtimes=runtimes,
            host=host,
            threads=THREADS,
            gate=gate(results, rules, poor),
            classes=classes,
            poor_fp32=poor,
            results=results,
        )


class PresentTally:
    """Top-1 among the classes that the images have, which are `present`, of artifacts with more classes."""

    def __init__(self, present: Sequence[int]) -> None:
        self._present = np.array(present)
        self.right: Counter[Artifact] = Counter()
        """On how many images each artifact is right."""
        self.images = 0

    def count(self, logits: Mapping[Artifact, Floats], label: int) -> None:
        """Count one image."""
        self.images += 1
        for artifact, found in logits.items():
            self.right[artifact] += int(self._present[np.argmax(found[self._present])]) == label

    def add(self, right: Mapping[Artifact, int], images: int) -> None:
        """Count images that another tally of the same classes has counted."""
        self.images += images
        self.right.update(right)

    def result(self) -> AmongPresent | None:
        """The figures; None without images."""
        if not self.images:
            return None
        top1 = {artifact.file: 100 * right / self.images for artifact, right in self.right.items()}
        return AmongPresent(classes=len(self._present), top1=top1)


def _lane(artifacts: Sequence[Artifact], runtime: Runtime) -> list[Artifact]:
    """The artifacts of `runtime`, the fp32 reference first."""
    ours = [each for each in artifacts if each.runtime is runtime]
    references = [each for each in ours if each.precision is Precision.FP32]
    if not references:
        raise BundleError(f"there is no fp32 artifact for {runtime} to compare with. Add it.")
    return [references[0], *(each for each in ours if each is not references[0])]
