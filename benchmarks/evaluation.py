"""An int8 file beside its float32 reference in the same runtime, over the same images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.speed.contender import Engine
from benchmarks.speed.engines import opener
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.loader import Decoder
from levit_edge.data.preprocess import Preprocessing
from levit_edge.runtime.evaluation.comparison import Comparison, Counts, paired_interval

__all__ = ["Figures", "compare", "logits"]

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Figures:
    """As `levit_edge.bundle.manifest.ArtifactResult` has them."""

    fp32_top1: float
    """Percent, of the reference."""
    top1: float
    drop_pt: float
    """The reference's top-1 minus this, percentage points."""
    drop_ci95_pt: tuple[float, float]
    """95 % interval of the paired difference, see `levit_edge.runtime.evaluation.comparison.paired_interval`."""
    flips_lost: int
    flips_gained: int
    agreement: float
    """Percent of images with the reference's top-1 class."""
    sqnr_db: float | None
    """Of the logits; None where they are the reference's."""


def logits(engine: Engine, file: Path, images: ImageSet, preprocessing: Preprocessing) -> Floats:
    """What it gives for every image, one thread: float32 (images, classes).

    Raises:
        DataError: an image cannot be read.
    """
    run = opener(engine, file, 1)()
    with Decoder(images.images, preprocessing) as decoder:
        return np.stack([run(image[np.newaxis]) for _, image in decoder])


def compare(expected: Floats, found: Floats, labels: Sequence[int]) -> Figures:
    """The logits of an int8 file beside those of its reference, both (images, classes)."""
    counts, comparison = (Counts(), Counts()), Comparison()
    for reference, candidate, label in zip(expected, found, labels, strict=True):
        comparison.add(reference, candidate)
        comparison.add_outcome(counts[0].add(reference, label), counts[1].add(candidate, label))
    return _figures(*counts, comparison)


def _figures(expected: Counts, found: Counts, comparison: Comparison) -> Figures:
    samples, lost, gained = comparison.samples, comparison.lost, comparison.gained
    return Figures(
        fp32_top1=100 * expected.top1 / samples,
        top1=100 * found.top1 / samples,
        drop_pt=100 * (lost - gained) / samples,
        drop_ci95_pt=paired_interval(lost, gained, samples),
        flips_lost=lost,
        flips_gained=gained,
        agreement=100 * comparison.same / samples,
        sqnr_db=comparison.sqnr_db,
    )
