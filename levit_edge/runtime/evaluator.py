"""Several model files, loaded, and a photograph through all of them."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from levit_edge.data.preprocess import Preprocessing, read_input
from levit_edge.runtime.kinds import Runtime
from levit_edge.runtime.runner import open_runner

__all__ = ["THREADS", "Answer", "Evaluator", "Model"]

Floats = NDArray[np.float32]
THREADS = 1
"""Of each runtime: the other cores have processes of their own, see `levit_edge.runtime.evaluation_pool`."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """The bytes of a model file, and what runs it."""

    runtime: Runtime
    data: bytes


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the models made of one photograph."""

    logits: Floats
    """(models, classes)."""
    seconds: tuple[float, ...]
    """What each model took, in its runtime alone."""


class Evaluator:
    """The models, one thread each, ready to run.

    Raises:
        RuntimeUnavailableError: a runtime is not installed, or refuses a file.
    """

    def __init__(self, models: Iterator[Model] | Sequence[Model], preprocessing: Preprocessing) -> None:
        self._runners = [open_runner(model.runtime, model.data, THREADS) for model in models]
        self._preprocessing = preprocessing

    def answer(self, image: Path) -> Answer:
        """Decode `image` and run the models on it, one after the other.

        Raises:
            DataError: the image cannot be read.
        """
        values = read_input(image, self._preprocessing)[np.newaxis]
        logits, seconds = [], []
        for runner in self._runners:
            start = time.perf_counter()
            logits.append(runner.run(values))
            seconds.append(time.perf_counter() - start)
        return Answer(logits=np.stack(logits), seconds=tuple(seconds))
