"""Bias correction: take back the mean shift that rounding gives each output channel.

Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", arXiv 1906.04721, section 4.2,
in its empirical form: for every layer, E[W x] − E[Ŵ Q(x)] over the calibration images is added to the bias, where Ŵ and
Q(x) are the rounded weight and input. x is the float network's, so each layer takes back its own shift only, no shift
is counted twice, and one pass serves all layers.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Protocol

from torch import Tensor, nn
from torch.nn import functional as F

from levit_edge.bundle.recipe import LayerScheme
from levit_edge.model.deploy import DeployLeViT
from levit_edge.quantize.calibration.observe import observe
from levit_edge.quantize.ranges.affine import LayerRanges
from levit_edge.quantize.schemes import Layer, quantizable_layers
from levit_edge.quantize.schemes.registry import COMPUTATIONS

__all__ = ["mean_shifts"]


class Rounded(Protocol):
    """What bias correction needs to know of a layer."""

    @property
    def scheme(self) -> LayerScheme: ...
    @property
    def ranges(self) -> LayerRanges: ...
    @property
    def weight(self) -> Tensor: ...


class _Mean:
    """The mean of (channels, …) values, channel by channel, in float64."""

    def __init__(self) -> None:
        self.total: Tensor | float = 0.0
        self.count = 0

    def add(self, values: Tensor) -> None:
        per_channel = values.double().transpose(0, 1).flatten(1)
        self.total = self.total + per_channel.sum(1)
        self.count += per_channel.shape[1]


def mean_shifts(deploy: DeployLeViT, rounded: Mapping[str, Rounded], batches: Iterable[Tensor]) -> dict[str, Tensor]:
    """What to add to every layer's bias, float32 (outputs,), from float32 (batch, 3, size, size) `batches`.

    Raises:
        QuantizationError: there are no batches.
    """
    means = {name: _Mean() for name in rounded}
    hooks = [
        layer.register_forward_hook(partial(_observe, rounded[name], means[name]))
        for name, layer in quantizable_layers(deploy).items()
    ]
    observe(deploy, batches, hooks, "bias correction")
    return {name: (mean.total / mean.count).float() for name, mean in means.items()}  # type: ignore[union-attr]


def _observe(rounded: Rounded, mean: _Mean, layer: Layer, inputs: tuple[Tensor], output: Tensor) -> None:
    computation = COMPUTATIONS[rounded.scheme]
    if not computation.int8_weights:  # the shift is for those who try the layer in int8 all the same
        computation = COMPUTATIONS[LayerScheme.DYNAMIC]
    mean.add(output - _apply(layer, computation.round_input(rounded.ranges, inputs[0]), rounded.weight))


def _apply(layer: Layer, inputs: Tensor, weight: Tensor) -> Tensor:
    if isinstance(layer, nn.Conv2d):
        return F.conv2d(inputs, weight, layer.bias, layer.stride, layer.padding)
    return F.linear(inputs, weight, layer.bias)
