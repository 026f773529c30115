"""Classify photographs with one artifact of a bundle.

Each process decodes and runs its own share, see `levit_edge.runtime.evaluation.pool`: while one waits for its decoder,
another computes, and each has its next image before it has done with one.
"""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import numpy as np
from numpy.typing import NDArray

from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.reader import Bundle
from levit_edge.data.loader import BadImage
from levit_edge.data.locations import Location
from levit_edge.data.preprocess import Preprocessing
from levit_edge.device.ranking import softmax, top_classes
from levit_edge.errors import DataError, RuntimeUnavailableError
from levit_edge.runtime.evaluation.evaluator import Model
from levit_edge.runtime.evaluation.pool import answers, default_processes
from levit_edge.runtime.runner import refusal_here
from levit_edge.text import faults

__all__ = ["Guess", "Network", "Prediction", "outcomes", "predict"]

Floats = NDArray[np.float32]


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
    turned: bool = False
    """Whether it was turned the way up that its EXIF says."""


def predict(
    bundle: Bundle,
    images: Sequence[Location],
    *,
    top: int = 5,
    runtime: Runtime | None = None,
    precision: Precision = Precision.INT8,
    exif: bool = True,
    workers: int | None = None,
) -> Iterator[Prediction]:
    """Yield a prediction for each image, in order; processes of their own decode and run.

    Without `runtime` it is ONNX Runtime, or the one that the bundle has a file of that `precision` for. `workers` is
    how many processes share the images; without it, what suits their number, at most four.

    Photographs are turned the way up that their EXIF says, as viewers show them; without `exif` they are taken as they
    are stored, as evaluation takes them.

    Raises:
        DataError: images cannot be read; they are left out, and named behind the others' predictions.
        BundleError: the bundle has no such artifact, or a file of it is damaged or is not of the manifest's form.
        RuntimeUnavailableError: the runtime is not installed, or cannot load or run the file; or the processor cannot.
    """
    network = Network.of(bundle, runtime, precision)
    bad: list[str] = []
    for outcome in outcomes(network, images, top=top, exif=exif, workers=workers):
        if isinstance(outcome, BadImage):
            bad.append(f"{outcome.path}: {outcome.reason}")
        else:
            yield outcome
    if bad:
        raise DataError(faults(bad, len(images), "photograph", "cannot be read"))


@dataclass(frozen=True, kw_only=True)
class Network:
    """One artifact of a bundle, as it is run."""

    model: Model
    precision: Precision
    labels: tuple[str, ...]
    preprocessing: Preprocessing

    @classmethod
    def of(cls, bundle: Bundle, runtime: Runtime | None, precision: Precision) -> Self:
        """That of `bundle` for a `runtime`, or for the one that it has such a file for; nothing is loaded yet.

        Raises:
            BundleError: it has none.
            RuntimeUnavailableError: this processor cannot run it.
        """
        artifact, labels = bundle.artifact(runtime, precision), bundle.labels()
        if unfit := refusal_here(artifact.file, precision):
            raise RuntimeUnavailableError(f"{unfit}.")
        read = partial(bundle.read, artifact.file)
        model = Model(file=artifact.file, runtime=artifact.runtime, read=read, classes=len(labels))
        preprocessing = bundle.manifest.preprocessing
        return cls(model=model, precision=precision, labels=labels, preprocessing=preprocessing)

    def guesses(self, logits: Floats, top: int) -> tuple[Guess, ...]:
        """The likeliest classes by (classes,) logits, best first."""
        probabilities = softmax(logits)
        return tuple(
            Guess(index=index, label=self.labels[index], probability=float(probabilities[index]))
            for index in top_classes(logits, top)
        )


def outcomes(
    network: Network, images: Sequence[Location], *, top: int, exif: bool, workers: int | None
) -> Generator[Prediction | BadImage, None, None]:
    """As `predict`, with those that cannot be read in their places."""
    preprocessing = replace(network.preprocessing, exif=exif)
    processes = max(1, default_processes(len(images)) if workers is None else workers)
    with closing(answers([network.model], images, preprocessing, processes)) as answered:
        for location, answer in zip(images, answered, strict=True):
            if isinstance(answer, str):
                yield BadImage(location, answer)
                continue
            (logits,) = answer.logits
            yield Prediction(image=str(location), guesses=network.guesses(logits, top), turned=answer.turned)
