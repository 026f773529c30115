"""ONNX Runtime on the CPU."""

import numpy as np
from numpy.typing import NDArray

from levit_edge.errors import RuntimeUnavailableError
from levit_edge.runtime.interrupts import interrupts_wait

__all__ = ["OnnxRuntimeRunner"]

ONLY_ERRORS = 3


class OnnxRuntimeRunner:
    """An `.onnx` file in ONNX Runtime's CPU execution provider."""

    def __init__(self, model: bytes, threads: int = 1) -> None:
        try:
            with interrupts_wait():
                import onnxruntime
        except ImportError as error:
            raise RuntimeUnavailableError(
                "onnxruntime is not installed: install it with `pip install onnxruntime`."
            ) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = ONLY_ERRORS
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions have no public base but Exception
            raise RuntimeUnavailableError(
                f"ONNX Runtime {onnxruntime.__version__} refuses the file: {error}"
            ) from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1:
            raise RuntimeUnavailableError(
                f"the ONNX file has {len(inputs)} inputs and {len(outputs)} outputs, expected one of each."
            )
        self._input = inputs[0].name

    def run(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 (1, 3, size, size) -> float32 (classes,)."""
        logits: NDArray[np.float32] = self._session.run(None, {self._input: image})[0][0]
        return logits
