"""Runs in an emulated Python: `inference_probe.py AGENT RUNTIME SIZE RUNS < MODEL` puts a random image through a model.

Prints `threads=… std=…`: the threads of the process, and the spread of the logits, which a broken model has not. AGENT
is the file `agent.py`, whose way to load a model is the one that is measured.
"""

import runpy
import sys
from pathlib import Path

import numpy as np


def main(agent: str, runtime: str, size: int, runs: int) -> None:
    """Do `runs` inferences in this thread."""
    _, load = runpy.run_path(agent)["import_engine"](runtime)
    run = load(sys.stdin.buffer.read(), 1)
    image = np.random.default_rng(0).standard_normal((1, 3, size, size), dtype=np.float32)
    spread = [float(run(image).std()) for _ in range(runs)]
    (threads,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("Threads"))
    sys.stdout.write(f"threads={threads.split()[1]} std={spread[-1]:.6f}\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
