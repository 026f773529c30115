"""Which images flip: their top-1 class in fp32 is another one than in an artifact of the same runtime."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from levit_edge.bundle.kinds import Precision
from levit_edge.bundle.manifest import Artifact
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.locations import Location
from levit_edge.data.preprocess import Preprocessing
from levit_edge.device.ranking import softmax, top_classes
from levit_edge.report.report_data import (
    LONGEST_NAME,
    MOST_COUNTS,
    MOST_IMAGES,
    FlipCount,
    FlippedImage,
    Flips,
    ImageAnswer,
    RankedClass,
)
from levit_edge.report.thumbnail import make_thumbnail
from levit_edge.runtime.evaluation.comparison import margin, predicted_class
from levit_edge.text import text

__all__ = ["FlipLog"]

Floats = NDArray[np.float32]
TOP = 3
DIGITS = 4


@dataclass(frozen=True, kw_only=True)
class _Kept:
    image: Location
    label: int | None
    rank: tuple[int, float]
    """Lost before gained before others, then the surest of fp32's answers."""
    answers: tuple[ImageAnswer, ...]


class FlipLog:
    """Counts all flips of a verification and keeps the images that tell most; memory does not grow with the images."""

    def __init__(self) -> None:
        self._pairs: Counter[tuple[str, int, int]] = Counter()
        self._lost: Counter[tuple[str, int, int]] = Counter()
        self._gained: Counter[tuple[str, int, int]] = Counter()
        self._images = 0
        self._kept: list[_Kept] = []

    def add(self, image: Location, label: int | None, logits: Mapping[Artifact, Floats]) -> None:
        """Look at what each artifact made of one image, (classes,) logits."""
        references = {artifact.runtime: artifact for artifact in logits if artifact.precision is Precision.FP32}
        answers: list[ImageAnswer] = []
        ranks = []
        for artifact, found in logits.items():
            reference = references[artifact.runtime]
            before, after = predicted_class(logits[reference]), predicted_class(found)
            if before == after:
                continue
            pair = (artifact.file, before, after)
            self._pairs[pair] += 1
            self._lost[pair] += before == label
            self._gained[pair] += after == label
            both = (_answer(reference, logits[reference], before), _answer(artifact, found, before))
            answers.extend(both)
            ranks.append((0 if before == label else 1 if after == label else 2, -both[0].margin))
        if answers:
            self._images += 1
            self._kept.append(_Kept(image=image, label=label, rank=min(ranks), answers=tuple(answers)))
            self._kept = sorted(self._kept, key=lambda kept: kept.rank)[:MOST_IMAGES]

    def flips(self, images: ImageSet, preprocessing: Preprocessing, *, thumbnails: bool) -> Flips:
        """What was seen of `images`, which have their names.

        Raises:
            DataError: an image can no longer be read.
        """
        names = dict(zip(images.images, images.relative_paths, strict=True))
        listed = self._pairs.most_common(MOST_COUNTS)
        return Flips(
            counts=tuple(
                FlipCount(
                    artifact=pair[0],
                    expected=pair[1],
                    found=pair[2],
                    images=images,
                    lost=self._lost[pair],
                    gained=self._gained[pair],
                )
                for pair, images in listed
            ),
            uncounted=self._pairs.total() - sum(images for _, images in listed),
            images=self._images,
            shown=tuple(
                FlippedImage(
                    file=text(names[kept.image], LONGEST_NAME),
                    label=kept.label,
                    thumbnail=make_thumbnail(kept.image, preprocessing) if thumbnails else None,
                    answers=kept.answers,
                )
                for kept in self._kept
            ),
        )


def _answer(artifact: Artifact, logits: Floats, winner: int) -> ImageAnswer:
    probabilities = softmax(logits)
    return ImageAnswer(
        artifact=artifact.file,
        margin=round(margin(logits.astype(np.float64), winner), DIGITS),
        top=tuple(
            RankedClass(index=index, probability=round(float(probabilities[index]), DIGITS))
            for index in top_classes(logits, TOP)
        ),
    )
