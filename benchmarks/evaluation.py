"""An int8 file beside its float32 reference in the same runtime, over the same images, one after the other."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.speed.contender import Engine
from benchmarks.speed.engines import opener
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.loader import Decoder
from levit_edge.data.preprocess import Preprocessing
from levit_edge.errors import DataError
from levit_edge.runtime.evaluation.comparison import Comparison, Counts, paired_interval

__all__ = ["Figures", "compare"]


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


def compare(engine: Engine, reference: Path, file: Path, images: ImageSet, preprocessing: Preprocessing) -> Figures:
    """Run both on every image, one thread.

    Raises:
        DataError: the images have no labels, or one cannot be read.
    """
    if images.labels is None:
        raise DataError(f"{images.root} has images but no class folders, expected one folder for each class.")
    runs = [opener(engine, each, 1)() for each in (reference, file)]
    counts, comparison = (Counts(), Counts()), Comparison()
    with Decoder(images.images, preprocessing) as decoder:
        for index, image in decoder:
            expected, found = (run(image[np.newaxis]) for run in runs)
            comparison.add(expected, found)
            label = images.labels[index]
            comparison.add_outcome(counts[0].add(expected, label), counts[1].add(found, label))
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
