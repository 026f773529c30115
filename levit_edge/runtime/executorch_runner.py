"""ExecuTorch with its XNNPACK delegate, through the Python bindings of the `executorch` package."""

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from levit_edge.bundle.kinds import Runtime
from levit_edge.device.engines import executorch_bindings
from levit_edge.errors import RuntimeUnavailableError
from levit_edge.runtime.runner import needed, runtime_version, too_old
from levit_edge.text import counted

__all__ = ["ExecuTorchRunner"]

INSTALL = "`pip install 'levit-edge[quantize]'`, or ask for ONNX alone with `--runtime onnxruntime`"
FLOAT = 6
"""float32 in ExecuTorch's `ScalarType`."""


class ExecuTorchRunner:
    """A `.pte` file in ExecuTorch.

    The thread pool belongs to the process: the last runner made decides its size. Without setting it, ExecuTorch uses
    one thread per core whatever the process is allowed to use.
    """

    def __init__(self, model: bytes, threads: int = 1) -> None:
        with needed("executorch", INSTALL):
            import torch

            bindings = executorch_bindings()
        self._from_numpy = torch.from_numpy
        self._model = model  # the runtime reads from these bytes for as long as it lives, and keeps no copy
        with _quiet_native_output():
            bindings._unsafe_reset_threadpool(threads)
            try:
                self._module: Any = bindings._load_for_executorch_from_buffer(model)
                method = self._module.method_meta("forward")  # loading is lazy: a damaged method shows here
                if (method.num_inputs(), method.num_outputs()) != (1, 1):
                    raise RuntimeUnavailableError(
                        f"the program has {counted(method.num_inputs(), 'input')} and"
                        f" {counted(method.num_outputs(), 'output')}, expected one of each."
                    )
                self.form = f"{_form(method.input_tensor_meta(0))} -> {_form(method.output_tensor_meta(0))}"
            except (RuntimeError, IndexError) as error:
                version = runtime_version(Runtime.EXECUTORCH)
                reason = too_old(Runtime.EXECUTORCH, version, model)
                raise RuntimeUnavailableError(reason or f"ExecuTorch {version} refuses the file: {error}") from error

    def run(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 (1, 3, size, size) -> float32 (classes,)."""
        # ExecuTorch reads the memory as if it were contiguous, whatever the strides say.
        # They are copied here: ExecuTorch would ask torch to, which wakes its threads for large outputs.
        values = self._from_numpy(np.ascontiguousarray(image))
        try:
            logits: NDArray[np.float32] = self._module.forward([values], clone_outputs=False)[0].numpy()[0].copy()
        except Exception as error:  # RuntimeError, and others if it gives no tensor with a first axis
            raise RuntimeUnavailableError(f"ExecuTorch cannot run the file: {error}") from error
        return logits


def _form(tensor: Any) -> str:
    """The form of an input or output of a method, such as `float32 (1, 10)`; other types by ExecuTorch's number."""
    kind = "float32" if tensor.dtype() == FLOAT else f"type {tensor.dtype()}"
    return f"{kind} ({', '.join(map(str, tensor.sizes()))})"


@contextlib.contextmanager
def _quiet_native_output() -> Iterator[None]:
    """Send file descriptor 2 to nowhere while a native library loads; errors are raised as exceptions all the same."""
    sys.stderr.flush()
    saved = os.dup(2)
    try:
        with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - a device, not a path
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
