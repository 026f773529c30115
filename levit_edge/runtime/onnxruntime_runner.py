"""ONNX Runtime on the CPU."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from levit_edge.bundle.kinds import Runtime
from levit_edge.bundle.self_contained import ELSEWHERE, is_self_contained
from levit_edge.errors import RuntimeUnavailableError
from levit_edge.runtime.runner import needed, too_old
from levit_edge.text import counted

__all__ = ["OnnxRuntimeRunner"]

ONLY_ERRORS = 3


class OnnxRuntimeRunner:
    """An `.onnx` file in ONNX Runtime's CPU execution provider."""

    def __init__(self, model: bytes, threads: int = 1) -> None:
        with needed("onnxruntime", "`pip install onnxruntime`"):
            import onnxruntime
        if not is_self_contained(model):
            raise RuntimeUnavailableError(f"the ONNX file is not run: {ELSEWHERE}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = ONLY_ERRORS
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions have no public base but Exception
            version = onnxruntime.__version__
            reason = too_old(Runtime.ONNXRUNTIME, version, model)
            raise RuntimeUnavailableError(reason or f"ONNX Runtime {version} refuses the file: {error}") from error
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        if len(inputs) != 1 or len(outputs) != 1:
            raise RuntimeUnavailableError(
                f"the ONNX file has {counted(len(inputs), 'input')} and {counted(len(outputs), 'output')},"
                " expected one of each."
            )
        self._input, self._version = inputs[0].name, onnxruntime.__version__
        self.form = f"{_form(inputs[0])} -> {_form(outputs[0])}"

    def run(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """float32 (1, 3, size, size) -> float32 (classes,)."""
        try:
            logits: NDArray[np.float32] = self._session.run(None, {self._input: image})[0][0]
        except Exception as error:  # as above; and IndexError, if it gives no array with a first axis
            raise RuntimeUnavailableError(f"ONNX Runtime {self._version} cannot run the file: {error}") from error
        return logits


def _form(value: Any) -> str:
    """The form of an input or output of a session, such as `float32 (1, 10)`."""
    kind = {"tensor(float)": "float32"}.get(value.type, value.type)
    return f"{kind} ({', '.join(map(str, value.shape))})"
