"""torchao's prepare_pt2e and convert_pt2e with ExecuTorch's XNNPACKQuantizer: the documented path, untouched.

https://docs.pytorch.org/executorch/stable/backends/xnnpack/xnnpack-quantization.html
"""

from typing import TYPE_CHECKING

import torch
from torch.fx import GraphModule

from benchmarks.task import Built, Task

if TYPE_CHECKING:
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import XNNPACKQuantizer

__all__ = ["build", "capture", "xnnpack_quantizer"]


def build(task: Task) -> Built:
    """Quantize with the quantizer's own histogram observers."""
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    from benchmarks.peers.lowering import lower

    images = [torch.from_numpy(image) for image in task.images()]
    with torch.no_grad():
        prepared = prepare_pt2e(capture(task, images[0]), xnnpack_quantizer())
        for image in images:
            prepared(image)
        model, delegates = lower(convert_pt2e(prepared), images[0])
    return Built(model=model, calibration_images=len(images), note=f"histogram observers; {delegates}")


def capture(task: Task, example: torch.Tensor) -> GraphModule:
    """The deploy form as a graph: float32 (1, 3, size, size) -> (1, classes)."""
    return torch.export.export(task.deploy(), (example,), strict=True).module()


def xnnpack_quantizer() -> "XNNPACKQuantizer":
    """Per-channel symmetric weights, per-tensor asymmetric activations, on every operator it knows."""
    from executorch.backends.xnnpack.quantizer import xnnpack_quantizer as xnnpack

    return xnnpack.XNNPACKQuantizer().set_global(xnnpack.get_symmetric_quantization_config(is_per_channel=True))
