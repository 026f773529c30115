"""Runs in an emulated Python: one file in its engine, counted or looked at.

    python -m benchmarks.arm.probe count ENGINE FILE IMAGES RUNS
    python -m benchmarks.arm.probe check ENGINE FILE IMAGES COUNT LOGITS

`count` leaves a copy of itself (fork) at the moment when all is loaded and warm: what qemu counted of the copy is what
came before, and what it counted of the process beyond that are the runs. So nothing has to be done twice.
"""

import os
import sys
from pathlib import Path

import numpy as np

from benchmarks.speed.contender import Engine
from benchmarks.speed.engines import Floats, Run, opener
from levit_edge.device.engines import import_engine
from levit_edge.device.float16 import float16_here

__all__ = ["main"]

WARM_UP = 2
OURS = {Engine.EXECUTORCH, Engine.ONNXRUNTIME}


def main() -> None:
    """Count or check; nothing but an exit status says that it went well."""
    try:
        _work()
    except Exception as error:  # an engine may raise anything
        sys.exit(_reason(error))
    sys.stdout.flush()
    os._exit(0)  # engines' own ends differ, and some take long


def _work() -> None:
    what, engine, file, images, count, *rest = sys.argv[1:]
    run = _opened(Engine(engine), Path(file))
    inputs: Floats = np.load(images, mmap_mode="r")
    if what == "count":
        _count(run, np.array(inputs[:1]), int(count))
    else:
        np.save(rest[0], np.stack([run(np.array(image[np.newaxis])) for image in inputs[: int(count)]]))


def _reason(error: Exception) -> str:
    """In a line; engines do not say that they miss float16."""
    float16, said = float16_here(), " ".join(f"{type(error).__name__}: {error}".split())
    return said if float16.runs else f"{said}; {float16.why}"


def _opened(engine: Engine, file: Path) -> Run:
    """As a board's agent opens levit-edge's own; others as `benchmarks.latency` does."""
    if engine not in OURS:
        return opener(engine, file, 1)()
    _, load = import_engine(str(engine))
    run: Run = load(file.read_bytes(), 1)
    return run


def _count(run: Run, image: Floats, runs: int) -> None:
    for _ in range(WARM_UP):
        logits = run(image)
    if not logits.std() > 0:
        sys.exit("its logits are all the same")
    if (copy := os.fork()) == 0:
        os._exit(0)
    os.waitpid(copy, 0)
    for _ in range(runs):
        run(image)


if __name__ == "__main__":
    main()
