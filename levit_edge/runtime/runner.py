"""A loaded artifact, whatever its runtime: one image in, its logits out."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from levit_edge.bundle.kinds import Precision, Runtime, named
from levit_edge.device.engines import installed_version
from levit_edge.device.float16 import float16_here
from levit_edge.device.oldest import explain_import, explain_refusal
from levit_edge.errors import RuntimeUnavailableError
from levit_edge.system.signals import interrupts_wait

__all__ = ["Runner", "needed", "open_runner", "refusal_here", "runtime_version", "too_old"]

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


def refusal_here(file: str, precision: Precision, instead: str | None = None) -> str | None:
    """Why this processor cannot run the `file` of that `precision`, and which it can; None if it can.

    That is `instead`, or else the one of a bundle. What XNNPACK itself says there is `execute('forward') failed`.
    """
    if precision is not Precision.INT8_FLOAT16:
        return None
    here = float16_here()
    return None if here.runs else here.refusal(file, instead or file.replace(precision, Precision.INT8))


@contextmanager
def needed(package: str, install: str) -> Iterator[None]:
    """Around the imports of a package: say how to install it where it is missing.

    Raises:
        RuntimeUnavailableError: it is not installed, or cannot be loaded.
    """
    try:
        with interrupts_wait():
            yield
    except ModuleNotFoundError as error:
        raise RuntimeUnavailableError(f"{package} is not installed: install it with {install}.") from error
    except ImportError as error:
        reason = explain_import(package, installed_version(package), error)
        raise RuntimeUnavailableError(f"{package} is installed but cannot be loaded: {reason}.") from error


def too_old(runtime: Runtime, version: str, model: bytes) -> str | None:
    """What to say where this version of `runtime` refuses a file because it is too old; None if it is not."""
    reason = explain_refusal(_package(runtime), version, model)
    return reason and f"{reason}."


def runtime_version(runtime: Runtime) -> str:
    """The version of the installed package that `open_runner` needs, `not installed` without one."""
    return installed_version(_package(runtime)) or "not installed"


def _package(runtime: Runtime) -> str:
    return [*runtime.entry.packages][-1]
