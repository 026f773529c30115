"""Processor time of one image on this machine."""

import time
from pathlib import Path

import numpy as np

from benchmarks.speed.contender import Engine
from benchmarks.speed.engines import Floats, Run, opener

__all__ = ["in_turn"]

ROUNDS = 60
WARM_UP = 3


def in_turn(engine: Engine, file: Path, other_engine: Engine, other: Path, images: Path) -> tuple[float, float]:
    """Milliseconds of `file`, and how many times those of `other`: medians of rounds in which both take their turn.

    Processor time of the whole process, one thread asked for: on a busy machine it is within some percent what it is
    on a quiet one. An engine whose threads wait in circles pays for them. `images`: `.npy` of float32
    (N, 3, size, size), the first of which is taken.
    """
    image: Floats = np.array(np.load(images, mmap_mode="r")[:1])
    runs = [opener(engine, file, 1)(), opener(other_engine, other, 1)()]
    for run in runs * WARM_UP:
        run(image)
    rounds = np.array([[_milliseconds(run, image) for run in runs] for _ in range(ROUNDS)])
    return float(np.median(rounds[:, 0])), float(np.median(rounds[:, 0] / rounds[:, 1]))


def _milliseconds(run: Run, image: Floats) -> float:
    run(image)  # finds its weights in the caches again, after the other
    before = time.process_time()
    run(image)
    return 1e3 * (time.process_time() - before)
