"""ExecuTorch with its XNNPACK delegate, through the Python bindings of the `executorch` package."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from levit_edge.errors import RuntimeUnavailableError
from levit_edge.runtime.interrupts import interrupts_wait
from levit_edge.runtime.quiet import quiet_native_output

__all__ = ["ExecuTorchRunner"]


class ExecuTorchRunner:
    """A `.pte` file in ExecuTorch.

    The thread pool belongs to the process: the last runner made decides its size. Without setting it, ExecuTorch uses
    one thread per core whatever the process is allowed to use.
    """

    def __init__(self, model: bytes, threads: int = 1) -> None:
        try:
            with interrupts_wait():
                import torch
                from executorch.extension.pybindings import _portable_lib
        except ImportError as error:
            raise RuntimeUnavailableError(
                "executorch is not installed: install it with `pip install 'levit-edge[quantize]'`, or ask for ONNX"
                " alone with `--runtime onnxruntime`."
            ) from error
        self._from_numpy = torch.from_numpy
        self._model = model  # the runtime reads from these bytes for as long as it lives, and keeps no copy
        with quiet_native_output():
            _portable_lib._unsafe_reset_threadpool(threads)
            try:
                self._module: Any = _portable_lib._load_for_executorch_from_buffer(model)
                self._module.method_meta("forward")  # loading is lazy: a damaged method shows here
            except RuntimeError as error:
                raise RuntimeUnavailableError(f"ExecuTorch refuses the file: {error}") from error

    def run(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 (1, 3, size, size) -> float32 (classes,)."""
        # ExecuTorch reads the memory as if it were contiguous, whatever the strides say.
        # They are copied here: ExecuTorch would ask torch to, which wakes its threads for large outputs.
        outputs = self._module.forward([self._from_numpy(np.ascontiguousarray(image))], clone_outputs=False)
        logits: NDArray[np.float32] = outputs[0].numpy()[0].copy()
        return logits
