"""The schemes: `LayerScheme` names them, an entry here says how layers of each compute."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.fx import Node
from torchao.quantization.pt2e.quantizer import QuantizationAnnotation

from levit_edge.bundle.recipe import LayerScheme
from levit_edge.quantize.ranges.affine import LayerRanges
from levit_edge.quantize.schemes import Layer, dynamic, static

__all__ = ["COMPUTATIONS", "Computation", "possible_schemes"]

Rounding = Callable[[LayerRanges, Tensor], Tensor]


@dataclass(frozen=True, kw_only=True)
class Computation:
    """How layers of one scheme compute; where nothing is said, in float.

    Calibration sees the ranges of all layers, whatever their schemes: a search may change those afterwards.
    """

    int8_weights: bool = False
    """Whether weights and bias are the plan's; else the float network's."""
    fixed_ranges: bool = False
    """Whether it computes with the ranges that calibration found; they are then on record."""
    time_per_multiply_add: float
    """Instructions on an emulated Cortex-A76, all of LeViT-128S counted: 47.4 (static), 82.0 (all linears dynamic) and
    120 (float) million for 305 million multiply-adds. Only their ratios matter to the search for an accuracy budget."""
    possible: Callable[[str, Layer], bool] = lambda _name, _layer: True
    """Whether the layer of that name can have the scheme."""
    impossible: str = ""
    """What a layer is that cannot have the scheme, and what to do; the end of an error."""
    round_input: Rounding = lambda _ranges, values: values
    """The input as the runtimes' kernels see it; same shape."""
    round_output: Rounding = lambda _ranges, values: values
    """The output as the runtimes' kernels leave it; same shape."""
    annotation: Callable[[Node, LayerRanges, Tensor], QuantizationAnnotation | None] = lambda *_: None
    """What torchao quantizes of a layer in a captured graph, by its ranges and weight scales; None if nothing."""


COMPUTATIONS: dict[LayerScheme, Computation] = {
    LayerScheme.STATIC: Computation(
        int8_weights=True,
        fixed_ranges=True,
        time_per_multiply_add=0.16,
        round_input=lambda ranges, values: static.rounded_statically(values, ranges.input),
        round_output=lambda ranges, values: static.rounded_statically(values, ranges.output),
        annotation=static.annotation,
    ),
    LayerScheme.DYNAMIC: Computation(
        int8_weights=True,
        time_per_multiply_add=0.29,
        possible=dynamic.possible,
        impossible="a strided convolution that runtimes quantize only statically. Leave it static, or use"
        " --float-layer.",
        round_input=lambda _ranges, values: dynamic.rounded_dynamically(values),
        annotation=dynamic.annotation,
    ),
    LayerScheme.FLOAT: Computation(time_per_multiply_add=0.39),
}
"""The computation of each scheme, in order: of two patterns that fit a layer, that of the later scheme counts."""


def possible_schemes(name: str, layer: Layer) -> list[LayerScheme]:
    """The schemes that the layer can have."""
    return [scheme for scheme, computation in COMPUTATIONS.items() if computation.possible(name, layer)]
