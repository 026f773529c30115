"""Several model files, loaded, and a photograph through all of them."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from levit_edge.bundle.kinds import Runtime
from levit_edge.data.locations import Location, photograph_at
from levit_edge.data.preprocess import Preprocessing, preprocess_photograph
from levit_edge.device.orientation import AS_IT_IS
from levit_edge.errors import BundleError, RuntimeUnavailableError
from levit_edge.runtime.runner import Runner, open_runner

__all__ = ["THREADS", "Answer", "Evaluator", "Model"]

Floats = NDArray[np.float32]
THREADS = 1
"""Threads of each runtime: the other cores have processes of their own, see `levit_edge.runtime.evaluation.pool`."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model file, and what runs it."""

    file: str
    """Its name, for messages."""
    runtime: Runtime
    read: Callable[[], bytes]
    """Gives its bytes, whenever a process is to load them: nobody needs them after that."""
    classes: int | None = None
    """How many logits it has to give for an image of the preprocessing's size; None: its form is not checked."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the models made of one photograph."""

    logits: Floats
    """(models, classes)."""
    seconds: tuple[float, ...]
    """What each model took, in its runtime alone."""
    turned: bool = False
    """Whether the photograph was turned the way up that EXIF says."""


class Evaluator:
    """Models, one thread each, ready to run."""

    def __init__(self, preprocessing: Preprocessing) -> None:
        self._runners: list[tuple[str, int | None, Runner]] = []
        self._preprocessing = preprocessing

    def add(self, model: Model) -> None:
        """Load `model`, and run it once on an image of zeros.

        Raises:
            RuntimeUnavailableError: its runtime is not installed, or refuses or cannot run it.
            BundleError: it takes or gives something else than it is to.
        """
        size = self._preprocessing.image_size
        try:
            runner = open_runner(model.runtime, model.read(), THREADS)
            expected = f"float32 (1, 3, {size}, {size}) -> float32 (1, {model.classes})"
            if model.classes is not None and runner.form != expected:
                raise BundleError(f"it is {runner.form}, and its bundle says {expected}. Make the bundle again.")
            _run(runner, np.zeros((1, 3, size, size), np.float32), model.classes)
        except (BundleError, RuntimeUnavailableError) as error:
            raise type(error)(f"{model.file}: {error}") from error
        self._runners.append((model.file, model.classes, runner))

    def answer(self, image: Location | Floats) -> Answer:
        """Decode `image`, or take it as (3, size, size), and run the models on it, one after the other.

        Raises:
            DataError: the image cannot be read.
            RuntimeUnavailableError: a runtime fails.
            BundleError: a model gives logits that are not finite numbers.
        """
        values, turned = (image, False) if isinstance(image, np.ndarray) else self._input(image)
        logits, seconds = [], []
        for file, classes, runner in self._runners:
            start = time.perf_counter()
            try:
                logits.append(_run(runner, values[np.newaxis], classes))
            except (BundleError, RuntimeUnavailableError) as error:
                raise type(error)(f"{file}: {error}") from error
            seconds.append(time.perf_counter() - start)
        return Answer(logits=np.stack(logits), seconds=tuple(seconds), turned=turned)

    def _input(self, location: Location) -> tuple[Floats, bool]:
        photograph = photograph_at(location)
        turned = self._preprocessing.exif and photograph.orientation != AS_IT_IS
        return preprocess_photograph(photograph, self._preprocessing), turned


def _run(runner: Runner, values: Floats, classes: int | None) -> Floats:
    logits = runner.run(values)
    if classes is not None and (logits.shape != (classes,) or logits.dtype != np.float32):
        raise BundleError(f"it gives {logits.dtype} {logits.shape}, expected float32 ({classes},).")
    if not np.isfinite(logits).all():
        raise BundleError("it gives logits that are not finite numbers: it is damaged, or was not trained to the end.")
    return logits
