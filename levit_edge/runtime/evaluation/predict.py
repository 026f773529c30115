"""Classify photographs with one artifact of a bundle."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.reader import Bundle
from levit_edge.device.ranking import softmax, top_classes
from levit_edge.errors import DataError, RuntimeUnavailableError
from levit_edge.runtime.evaluation.evaluator import Model
from levit_edge.runtime.evaluation.pool import answers
from levit_edge.runtime.runner import refusal_here
from levit_edge.text import faults

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
    turned: bool = False
    """Whether it was turned the way up that its EXIF says."""


def predict(
    bundle: Bundle,
    images: Sequence[Path],
    *,
    top: int = 5,
    runtime: Runtime | None = None,
    precision: Precision = Precision.INT8,
    exif: bool = True,
) -> Iterator[Prediction]:
    """Yield a prediction for each image, in order; a process of its own decodes and runs.

    Without `runtime` it is ONNX Runtime, or the one that the bundle has a file of that `precision` for.

    Photographs are turned the way up that their EXIF says, as viewers show them; without `exif` they are taken as they
    are stored, as evaluation takes them.

    Raises:
        DataError: images cannot be read; they are left out, and named behind the others' predictions.
        BundleError: the bundle has no such artifact, or a file of it is damaged or is not of the manifest's form.
        RuntimeUnavailableError: the runtime is not installed, or cannot load or run the file; or the processor cannot.
    """
    artifact, labels = bundle.artifact(runtime, precision), bundle.labels()
    if unfit := refusal_here(artifact.file, precision):
        raise RuntimeUnavailableError(f"{unfit}.")
    model = Model(
        file=artifact.file, runtime=artifact.runtime, read=partial(bundle.read, artifact.file), classes=len(labels)
    )
    preprocessing = replace(bundle.manifest.preprocessing, exif=exif)
    bad: list[str] = []
    with closing(answers([model], images, preprocessing, 1)) as answered:
        for path, answer in zip(images, answered, strict=True):
            if isinstance(answer, str):
                bad.append(f"{path}: {answer}")
                continue
            (logits,) = answer.logits
            probabilities = softmax(logits)
            guesses = tuple(
                Guess(index=index, label=labels[index], probability=float(probabilities[index]))
                for index in top_classes(logits, top)
            )
            yield Prediction(image=str(path), guesses=guesses, turned=answer.turned)
    if bad:
        raise DataError(faults(bad, len(images), "photograph", "cannot be read"))
