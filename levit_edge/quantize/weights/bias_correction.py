"""Bias correction: take back the mean shift that rounding gives each output channel.

Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", arXiv 1906.04721, section 4.2,
in its empirical form: for every layer, E[W x] − E[Ŵ Q(x)] over the calibration images is added to the bias, where Ŵ and
Q(x) are the rounded weight and input. x is the float network's, so each layer takes back its own shift only, no shift
is counted twice, and one pass serves all layers.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.nn import functional as F

from levit_edge.bundle.recipe import LayerScheme
from levit_edge.model.deploy import DeployLeViT
from levit_edge.quantize.calibration.observe import observe
from levit_edge.quantize.schemes import Layer, quantizable_layers
from levit_edge.quantize.schemes.registry import COMPUTATIONS

if TYPE_CHECKING:
    from levit_edge.quantize.plan import LayerPlan

__all__ = ["mean_shifts"]


def mean_shifts(deploy: DeployLeViT, plans: "Mapping[str, LayerPlan]", batches: Iterable[Tensor]) -> dict[str, Tensor]:
    """What to add to every layer's bias, float32 (outputs,), from float32 (batch, 3, size, size) `batches`.

    Raises:
        QuantizationError: there are no batches.
    """
    sums: dict[str, Tensor] = {}
    counts = Counter[str]()

    def add(name: str, layer: Layer, inputs: tuple[Tensor], output: Tensor) -> None:
        shifts = (output - _rounded_output(plans[name], layer, inputs[0])).double().transpose(0, 1).flatten(1)
        sums[name] = sums.get(name, 0) + shifts.sum(1)
        counts[name] += shifts.shape[1]

    hooks = [layer.register_forward_hook(partial(add, name)) for name, layer in quantizable_layers(deploy).items()]
    observe(deploy, batches, hooks, "bias correction")
    return {name: (sums[name] / counts[name]).float() for name in plans}


def _rounded_output(plan: "LayerPlan", layer: Layer, values: Tensor) -> Tensor:
    computation = plan.computation
    if not computation.int8_weights:  # the shift is for those who try the layer in int8 all the same
        computation = COMPUTATIONS[LayerScheme.DYNAMIC]
    inputs = computation.round_input(plan.ranges, values)
    if isinstance(layer, nn.Conv2d):
        return F.conv2d(inputs, plan.weight, layer.bias, layer.stride, layer.padding)
    return F.linear(inputs, plan.weight, layer.bias)
