"""How far each layer's output is from the float network's, with the whole network quantized.

SQNR is Σ float² / Σ (quantized − float)² in dB, as in `levit_edge.runtime.evaluation.comparison`. Unlike in
`levit_edge.quantize.analysis.layer_noise` the noise of earlier layers is part of it: this is where noise is, not where
it comes from.
"""

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.hooks import RemovableHandle

from levit_edge.model.deploy import DeployLeViT
from levit_edge.quantize.analysis.simulate import simulate
from levit_edge.quantize.calibration.calibrate import feeds_hardswish
from levit_edge.quantize.calibration.observe import observe
from levit_edge.quantize.plan import Plan
from levit_edge.quantize.schemes import quantizable_layers

__all__ = ["layer_sqnr"]

Hear = Callable[[str, Tensor], None]


def layer_sqnr(plan: Plan, batches: Iterable[Tensor]) -> dict[str, float | None]:
    """Layer -> dB over float32 (batch, 3, size, size) `batches`; None for a layer without any noise or signal.

    Layers that feed a hardswish are compared behind it: int8 need not tell apart the inputs that it makes 0.
    """
    signal = dict.fromkeys(plan.layers, 0.0)
    noise = dict.fromkeys(plan.layers, 0.0)
    expected: dict[str, Tensor] = {}

    def compare(name: str, found: Tensor) -> None:
        reference = expected.pop(name)
        signal[name] += float(reference.square().sum(dtype=torch.float64))
        noise[name] += float((found - reference).square().sum(dtype=torch.float64))

    quantized = simulate(plan)
    hooks = [*_listen(plan.deploy, expected.__setitem__), *_listen(quantized, compare)]
    observe(lambda images: (plan.deploy(images), quantized(images)), batches, hooks, "the noise of layers")
    return {
        name: 10 * math.log10(signal[name] / noise[name]) if signal[name] and noise[name] else None
        for name in plan.layers
    }


def _listen(network: DeployLeViT, hear: Hear) -> list[RemovableHandle]:
    """Tell `hear` what each layer hands on; behind the hooks that round it."""

    def hook(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        behind = F.hardswish if feeds_hardswish(name) else torch.clone
        return lambda _layer, _inputs, output: hear(name, behind(output))

    return [layer.register_forward_hook(hook(name)) for name, layer in quantizable_layers(network).items()]
