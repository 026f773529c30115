"""torchao's prepare_pt2e and convert_pt2e with ExecuTorch's XNNPACKQuantizer: the documented path, untouched.

https://docs.pytorch.org/executorch/stable/backends/xnnpack/xnnpack-quantization.html
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch.fx import GraphModule

from benchmarks.task import Built, Task

if TYPE_CHECKING:
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import XNNPACKQuantizer

__all__ = ["build", "capture", "quantize_captured", "xnnpack_quantizer"]


def build(task: Task) -> Built:
    """Quantize with the quantizer's own histogram observers."""
    from benchmarks.peers.lowering import lower

    images = [torch.from_numpy(image) for image in task.images()]
    quantized = quantize_captured(capture(task, images[0]), images)
    model, delegates = lower(torch.export.export(quantized, (images[0],), strict=True))
    return Built(model=model, calibration_images=len(images), note=f"histogram observers; {delegates}")


def quantize_captured(graph: GraphModule, images: Sequence[torch.Tensor]) -> GraphModule:
    """Observe and convert a captured network, on images that it takes one at a time."""
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    with torch.no_grad():
        prepared = prepare_pt2e(graph, xnnpack_quantizer())
        for image in images:
            prepared(image)
        converted: GraphModule = convert_pt2e(prepared)
    return converted


def capture(task: Task, example: torch.Tensor) -> GraphModule:
    """The deploy form as a graph: float32 (1, 3, size, size) -> (1, classes)."""
    return torch.export.export(task.deploy(), (example,), strict=True).module()


def xnnpack_quantizer() -> "XNNPACKQuantizer":
    """Per-channel symmetric weights, per-tensor asymmetric activations, on every operator it knows."""
    from executorch.backends.xnnpack.quantizer import xnnpack_quantizer as xnnpack

    return xnnpack.XNNPACKQuantizer().set_global(xnnpack.get_symmetric_quantization_config(is_per_channel=True))
