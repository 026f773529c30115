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

DEFAULT_RANGES = "NNCF's defaults: ranges are means of the images' minima and maxima"
TRUE_EXTREMES = "ranges are the minimum and maximum of all images"
WITHOUT_TELEMETRY = "NNCF_CI"


def build(task: Task, *, true_extremes: bool = False) -> Built:
    """Quantize what ExecuTorch's XNNPACKQuantizer names, with NNCF's parameters."""
    os.environ[WITHOUT_TELEMETRY] = "1"  # else importing nncf readies a report to its makers
    from nncf import Dataset
    from nncf.experimental.torch.fx import quantize_pt2e
    from nncf.quantization.range_estimator import RangeEstimatorParametersSet

    from benchmarks.peers.lowering import lower

    images = [torch.from_numpy(image) for image in task.images()]
    with torch.no_grad():
        graph = capture(task, images[0])
        quantized = quantize_pt2e(
            graph,
            xnnpack_quantizer(),
            Dataset(images),
            subset_size=len(images),
            activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX if true_extremes else None,
        )
        model, delegates = lower(torch.export.export(quantized, (images[0],), strict=True))
    ranges = TRUE_EXTREMES if true_extremes else DEFAULT_RANGES
    return Built(model=model, calibration_images=len(images), note=f"{ranges}, fast bias correction; {delegates}")
