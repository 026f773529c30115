"""How layers compute, one file for each scheme, and which layer gets which."""

from levit_edge.quantize.schemes.choice import int8_attention_blocks, layer_schemes, with_moves
from levit_edge.quantize.schemes.layers import Layer, quantizable_layers
from levit_edge.quantize.schemes.registry import COMPUTATIONS, Computation, possible_schemes

__all__ = [
    "COMPUTATIONS",
    "Computation",
    "Layer",
    "int8_attention_blocks",
    "layer_schemes",
    "possible_schemes",
    "quantizable_layers",
    "with_moves",
]
