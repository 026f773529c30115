"""Runs in the emulated aarch64 Python: `infer.py FILE N` puts one fixed random input N times through a model file.

Prints `threads=… std=…`: the threads of the process, and the spread of the logits, which a broken model has not.
"""

import sys
from pathlib import Path

import numpy as np


def main(file: str, runs: int) -> None:
    image = np.random.default_rng(0).standard_normal((1, 3, 224, 224), dtype=np.float32)
    if file.endswith(".onnx"):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        outputs = [session.run(None, {name: image})[0] for _ in range(runs)]
    else:
        import executorch_numpy_runtime

        method = executorch_numpy_runtime.Runtime.get().load_program(file).load_method("forward")
        outputs = [np.asarray(method([image])[0]).copy() for _ in range(runs)]
    (threads,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("Threads"))
    print(f"threads={threads.split()[1]} std={outputs[-1].std():.6f}")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
