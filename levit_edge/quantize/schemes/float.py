"""A layer in float."""

from torch import Tensor
from torch.fx import Node

from levit_edge.quantize.ranges.affine import LayerRanges
from levit_edge.quantize.schemes.layers import Layer

INT8_WEIGHTS = False
FIXED_RANGES = False
TIME_PER_MULTIPLY_ADD = 0.39
IMPOSSIBLE = ""


def possible(_name: str, _layer: Layer) -> bool:
    """Everywhere."""
    return True


def round_input(values: Tensor, _ranges: LayerRanges) -> Tensor:
    """Not at all."""
    return values


round_output = round_input


def annotation(_layer: Node, _ranges: LayerRanges, _weight_scales: Tensor) -> None:
    """Nothing."""
