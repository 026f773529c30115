"""OpenVINO, in float and in INT8 by NNCF: a reference on x86-64, for which it is made.

https://docs.openvino.ai/2026/openvino-workflow/model-optimization-guide/quantizing-models-post-training.html
"""

import os
from pathlib import Path

from benchmarks.peers.networks import Library
from benchmarks.peers.nncf import WITHOUT_TELEMETRY
from benchmarks.peers.routes import fp32_onnx
from benchmarks.speed import ours
from benchmarks.speed.contender import Workshop

__all__ = ["fp32", "int8"]


def fp32(workshop: Workshop, folder: Path, source: str) -> tuple[Path, str]:
    """convert_model and save_model, with their defaults: weights are stored as fp16."""
    import openvino

    target = folder / "model.xml"
    openvino.save_model(openvino.convert_model(_onnx(workshop, source)), target)
    return target, "weights stored as fp16; computes in what OpenVINO chooses for the processor"


def int8(workshop: Workshop, folder: Path, source: str) -> tuple[Path, str]:
    """nncf.quantize with its defaults."""
    os.environ[WITHOUT_TELEMETRY] = "1"
    import nncf
    import openvino

    images = list(workshop.images()[:, None])
    model = openvino.convert_model(_onnx(workshop, source))
    quantized = nncf.quantize(model, nncf.Dataset(images), subset_size=len(images))
    target = folder / "model.xml"
    openvino.save_model(quantized, target)
    return target, f"nncf.quantize, {len(images)} calibration images"


def _onnx(workshop: Workshop, source: str) -> Path:
    """The fp32 file of levit-edge (`ours`) or of a library."""
    return ours.fp32_onnx_file(workshop) if source == "ours" else fp32_onnx(workshop, Library(source))
