"""The schemes: `LayerScheme` names them, a module beside this says how layers of each compute."""

from typing import Protocol

from torch import Tensor
from torch.fx import Node
from torchao.quantization.pt2e.quantizer import QuantizationAnnotation

from levit_edge.bundle.recipe import LayerScheme
from levit_edge.quantize.ranges.affine import LayerRanges
from levit_edge.quantize.schemes import dynamic, static
from levit_edge.quantize.schemes import float as in_float
from levit_edge.quantize.schemes.layers import Layer

__all__ = ["COMPUTATIONS", "Computation", "possible_schemes"]


class Computation(Protocol):
    """How layers of one scheme compute.

    Calibration sees the ranges of all layers, whatever their schemes: a search may change those afterwards.
    """

    INT8_WEIGHTS: bool
    """Whether weights and bias are the plan's; else the float network's."""
    FIXED_RANGES: bool
    """Whether it computes with the ranges that calibration found; they are then on record."""
    TIME_PER_MULTIPLY_ADD: float
    """Instructions on an emulated Cortex-A76, all of LeViT-128S counted: 47.4 (static), 82.0 (all linears dynamic) and
    120 (float) million for 305 million multiply-adds. Only their ratios matter to the search for an accuracy budget."""
    IMPOSSIBLE: str
    """What a layer is that cannot have the scheme, and what to do; the end of an error."""

    def possible(self, name: str, layer: Layer, /) -> bool:
        """Whether the layer can have the scheme."""

    def round_input(self, values: Tensor, ranges: LayerRanges, /) -> Tensor:
        """The input as the runtimes' kernels see it; same shape."""

    def round_output(self, values: Tensor, ranges: LayerRanges, /) -> Tensor:
        """The output as the runtimes' kernels leave it; same shape."""

    def annotation(self, layer: Node, ranges: LayerRanges, weight_scales: Tensor, /) -> QuantizationAnnotation | None:
        """What torchao quantizes of the `layer` in a captured graph; None if nothing."""


COMPUTATIONS: dict[LayerScheme, Computation] = {
    LayerScheme.STATIC: static,
    LayerScheme.DYNAMIC: dynamic,
    LayerScheme.FLOAT: in_float,
}
"""The computation of each scheme, in order: of two patterns that fit a layer, that of the later scheme counts."""


def possible_schemes(name: str, layer: Layer) -> list[LayerScheme]:
    """The schemes that the layer can have."""
    return [scheme for scheme, computation in COMPUTATIONS.items() if computation.possible(name, layer)]
