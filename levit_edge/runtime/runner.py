"""A loaded artifact, whatever its runtime: one image in, its logits out."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from levit_edge.bundle.kinds import Runtime

__all__ = ["Runner", "open_runner", "runtime_version"]

Floats = NDArray[np.float32]


class Runner(Protocol):
    """A loaded artifact."""

    form: str
    """Of its input and output, as `float32 (1, 3, 224, 224) -> float32 (1, 1000)`."""

    def run(self, image: Floats) -> Floats:
        """float32 (1, 3, size, size) -> float32 (classes,).

        Raises:
            RuntimeUnavailableError: the runtime fails.
        """


def open_runner(runtime: Runtime, model: bytes, threads: int = 1) -> Runner:
    """Load the bytes of a `.pte` or `.onnx` file into this process.

    A damaged or hostile file can take the process along: files of others go through
    `levit_edge.runtime.evaluation.pool.answers`, which has processes for that.

    Raises:
        RuntimeUnavailableError: the runtime is not installed, or refuses the file.
    """
    if runtime is Runtime.ONNXRUNTIME:
        from levit_edge.runtime.onnxruntime_runner import OnnxRuntimeRunner

        return OnnxRuntimeRunner(model, threads)
    from levit_edge.runtime.executorch_runner import ExecuTorchRunner

    return ExecuTorchRunner(model, threads)


def runtime_version(runtime: Runtime) -> str:
    """The version of the installed package of `runtime`, `not installed` without one."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(str(runtime))
    except PackageNotFoundError:
        return "not installed"
