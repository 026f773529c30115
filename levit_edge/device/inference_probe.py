"""Runs in an emulated Python: puts a random image through the model that comes on standard input.

Prints `threads=… std=…`: the threads of the process, and the spread of the logits, which a broken model has not. The
model is loaded as the agent loads it.
"""

import sys
from pathlib import Path

import numpy as np

from levit_edge.device.engines import import_engine


def main() -> None:
    """Do inferences in this thread; arguments: runtime, image size, how many."""
    runtime, size, runs = sys.argv[-3], int(sys.argv[-2]), int(sys.argv[-1])
    _, load = import_engine(runtime)
    run = load(sys.stdin.buffer.read(), 1)
    image = np.random.default_rng(0).standard_normal((1, 3, size, size), dtype=np.float32)
    spread = [float(run(image).std()) for _ in range(runs)]
    (threads,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("Threads"))
    sys.stdout.write(f"threads={threads.split()[1]} std={spread[-1]:.6f}\n")
