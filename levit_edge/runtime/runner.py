"""A loaded artifact, whatever its runtime: one image in, its logits out."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from levit_edge.bundle.kinds import Runtime, named

__all__ = ["Runner", "open_runner", "runtime_version"]

Floats = NDArray[np.float32]


class Runner(Protocol):
    """A loaded artifact."""

    form: str
    """The form of its input and output, as `float32 (1, 3, 224, 224) -> float32 (1, 1000)`."""

    def run(self, image: Floats) -> Floats:
        """float32 (1, 3, size, size) -> float32 (classes,).

        Raises:
            RuntimeUnavailableError: the runtime fails.
        """


def open_runner(runtime: Runtime, model: bytes, threads: int = 1) -> Runner:
    """Load the bytes of a file for `runtime` into this process.

    A damaged or hostile file can take the process along: files of others go through
    `levit_edge.runtime.evaluation.pool.answers`, which has processes for that.

    Raises:
        RuntimeUnavailableError: the runtime is not installed, or refuses the file.
    """
    runner: Runner = named("levit_edge.runtime", runtime.entry.runner)(model, threads)
    return runner


def runtime_version(runtime: Runtime) -> str:
    """The version of the installed package that `open_runner` needs, `not installed` without one."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version([*runtime.entry.packages][-1])
    except PackageNotFoundError:
        return "not installed"
