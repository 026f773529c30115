"""Classify photographs with one artifact of a bundle."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from levit_edge.data.image import open_image
from levit_edge.data.preprocess import preprocess
from levit_edge.runtime.bundle import Bundle
from levit_edge.runtime.kinds import Precision, Runtime
from levit_edge.runtime.ranking import softmax, top_classes
from levit_edge.runtime.runner import open_runner

__all__ = ["Guess", "Prediction", "predict"]


@dataclass(frozen=True, kw_only=True)
class Guess:
    """One class and how likely the model finds it."""

    index: int
    label: str
    probability: float
    """Softmax of the logits, 0 to 1."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What one photograph shows, best guess first."""

    image: str
    guesses: tuple[Guess, ...]


def predict(
    bundle: Bundle,
    images: Sequence[Path],
    *,
    top: int = 5,
    runtime: Runtime = Runtime.ONNXRUNTIME,
    precision: Precision = Precision.INT8,
) -> Iterator[Prediction]:
    """Yield a prediction for each image, in order.

    Raises:
        DataError: an image cannot be read.
        BundleError: the bundle has no such artifact, or a file of it is damaged.
        RuntimeUnavailableError: the runtime is not installed.
    """
    runner = open_runner(runtime, bundle.read(bundle.artifact(runtime, precision).file))
    labels = bundle.labels()
    for path in images:
        logits = runner.run(preprocess(open_image(path), bundle.manifest.preprocessing)[np.newaxis])
        probabilities = softmax(logits)
        guesses = tuple(
            Guess(index=index, label=labels[index], probability=float(probabilities[index]))
            for index in top_classes(logits, top)
        )
        yield Prediction(image=str(path), guesses=guesses)
