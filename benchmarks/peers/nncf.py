"""NNCF's post-training quantization of PT2E graphs: its own ranges and fast bias correction.

https://github.com/openvinotoolkit/nncf

Its default range is the mean over the images of each image's minimum and maximum, so it clips. On the demo that is all
of its low SQNR: 14 dB, and 24 dB with true minima and maxima (40 photographs, calibration: 20, in torch).
"""

import os

import torch

from benchmarks.peers.torchao import capture, xnnpack_quantizer
from benchmarks.task import Built, Task

__all__ = ["build"]

METHOD = "NNCF's defaults: ranges are means of the images' minima and maxima, fast bias correction"
WITHOUT_TELEMETRY = "NNCF_CI"


def build(task: Task) -> Built:
    """Quantize what ExecuTorch's XNNPACKQuantizer names, with NNCF's parameters."""
    os.environ[WITHOUT_TELEMETRY] = "1"  # else importing nncf readies a report to its makers
    from nncf import Dataset
    from nncf.experimental.torch.fx import quantize_pt2e

    from benchmarks.peers.lowering import lower

    images = [torch.from_numpy(image) for image in task.images()]
    with torch.no_grad():
        graph = capture(task, images[0])
        quantized = quantize_pt2e(graph, xnnpack_quantizer(), Dataset(images), subset_size=len(images))
        model, delegates = lower(quantized, images[0])
    return Built(model=model, calibration_images=len(images), note=f"{METHOD}; {delegates}")
