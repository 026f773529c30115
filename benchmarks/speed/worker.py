"""The process that one contender runs in: `python -m benchmarks.speed.worker`, asked and answering in lines of JSON.

Requests, each answered by one line, `{"error": reason}` if it cannot be done:

* `open` (engine, file, threads, images): import the engine, load the file, run once;
* `check` (count): the logits of the first images;
* `run` (warm_up, times): milliseconds of each timed run on the first image;
* `memory`: the peak of this process so far.
"""

import json
import os
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from benchmarks.speed.contender import Engine
from benchmarks.speed.engines import Floats, Run, opener
from levit_edge.device.small_files import peak_rss_bytes

__all__ = ["Racer", "main", "own_peak_bytes"]

DIE_WITH_PARENT = 1
"""PR_SET_PDEATHSIG of prctl(2)."""


class Racer:
    """Answers requests about one opened file."""

    run_one: Run
    images: Floats

    def open(self, *, engine: str, file: str, threads: int, images: str) -> dict[str, Any]:
        """Time from the file to the first result."""
        self.images = np.load(images)
        load = opener(Engine(engine), Path(file), threads)
        imported = own_peak_bytes()
        start = time.perf_counter()
        self.run_one = load()
        loaded = time.perf_counter()
        self.run_one(self.images[:1])
        done = time.perf_counter()
        return {"imported_bytes": imported, "load_ms": 1e3 * (loaded - start), "first_ms": 1e3 * (done - loaded)}

    def check(self, *, count: int) -> dict[str, Any]:
        """Logits, one list for each image."""
        return {"logits": [self.run_one(image[np.newaxis]).tolist() for image in self.images[:count]]}

    def run(self, *, warm_up: int, times: int) -> dict[str, Any]:
        """Milliseconds of each of `times` runs, after `warm_up` that are not timed."""
        image, taken = np.ascontiguousarray(self.images[:1]), []
        for turn in range(warm_up + times):
            start = time.perf_counter()
            self.run_one(image)
            elapsed = time.perf_counter() - start
            if turn >= warm_up:
                taken.append(1e3 * elapsed)
        return {"ms": taken}

    def memory(self) -> dict[str, Any]:
        """Bytes."""
        return {"peak_bytes": own_peak_bytes()}


def own_peak_bytes() -> int:
    """The largest resident memory of this program so far.

    On Linux not getrusage's: that begins with the peak of the process that started this one, as it does not end at
    exec(2). Shared libraries count, so that processes which share them add up to more than they take together.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return peak_rss_bytes()
    kibibytes = next(line.split()[1] for line in lines if line.startswith("VmHWM:"))
    return 1024 * int(kibibytes)


def main() -> None:
    """Answer requests until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    _die_with_parent()
    warnings.simplefilter("ignore")
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # native libraries print
    with tempfile.TemporaryDirectory() as cache:  # so that torch.compile compiles, every time
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = cache
        _serve(answers)


def _serve(answers: TextIO) -> None:
    racer = Racer()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(racer, request.pop("request"))(**request)
        except Exception as error:  # an engine may raise anything
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _die_with_parent() -> None:
    """A stopped process would outlive a parent that is killed, and keep its memory."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)


if __name__ == "__main__":
    main()
