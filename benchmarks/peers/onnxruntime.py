"""ONNX Runtime's static quantization: QDQ, signed int8 weights and activations, per-channel weights.

https://onnxruntime.ai/docs/performance/model-optimizations/quantization.html
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.references import reference
from benchmarks.speed.contender import Engine
from benchmarks.task import Built, Task

__all__ = ["INPUT_NAME", "LINEAR_LAYERS", "build", "quantize_file"]

Floats = NDArray[np.float32]
INPUT_NAME = "image"
MOST_AT_ONCE = 8
"""Images whose activations are held at once. The calibrators keep every activation of every image they are given
together: tens of MB per image of 224 × 224."""
LINEAR_LAYERS = ("Conv", "Gemm")
"""The operators that levit-edge quantizes."""


class Reader:
    """A CalibrationDataReader: hands out the images one by one, from one range after the other."""

    def __init__(self, images: Sequence[Floats]) -> None:
        self.images = images
        self.remaining = iter(images)

    def __len__(self) -> int:
        return len(self.images)

    def set_range(self, start_index: int, end_index: int) -> None:
        """Go on with the images of this range."""
        self.remaining = iter(self.images[start_index:end_index])

    def get_next(self) -> dict[str, Floats] | None:
        """The next image, None at the end of the range."""
        image = next(self.remaining, None)
        return None if image is None else {INPUT_NAME: image}


def build(task: Task, method: str, operators: tuple[str, ...] = (), activations: str = "QInt8") -> Built:
    """Quantize `fp32.onnx` with the calibrator `method` of `CalibrationMethod`.

    `operators` are the kinds to quantize; none stands for all that ONNX Runtime knows how to. `activations` is one of
    `QuantType`.
    """
    images, source = task.images(), reference(task, Engine.ONNXRUNTIME)
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "int8.onnx"
        at_once = quantize_file(source, target, images, activations=activations, method=method, operators=operators)
        model = target.read_bytes()
    what = " and ".join(operators) if operators else "all operators"
    note = f"{activations} activations, {what}; {at_once} images collected at once"
    return Built(model=model, calibration_images=len(images), note=note)


def quantize_file(
    source: Path,
    target: Path,
    images: Sequence[Floats],
    *,
    activations: str = "QInt8",
    method: str = "MinMax",
    operators: tuple[str, ...] = (),
) -> int:
    """Prepare and quantize the file `source`, each image float32 (1, 3, size, size); how many were collected at once.

    `activations` is one of `QuantType`; weights are signed, with one scale for each channel.
    """
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quant_pre_process, quantize_static

    at_once = _largest_divisor(len(images), MOST_AT_ONCE)
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(source, prepared)
        quantize_static(
            prepared,
            target,
            Reader(images),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(operators) or None,
            per_channel=True,
            activation_type=QuantType[activations],
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod[method],
            extra_options={"CalibStridedMinMax": at_once},  # of every calibrator, whatever its name says
        )
    return at_once


def _largest_divisor(number: int, limit: int) -> int:
    """ONNX Runtime wants equal ranges."""
    return max(divisor for divisor in range(1, limit + 1) if number % divisor == 0)
