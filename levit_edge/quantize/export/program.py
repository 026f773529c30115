"""A network -> the exported program that every runtime's file is made from."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.fx import GraphModule

from levit_edge.bundle.recipe import Recipe
from levit_edge.quantize.plan import Plan

__all__ = ["Exporter", "export_program"]


@dataclass(frozen=True, kw_only=True)
class Exporter:
    """How one runtime's files are made."""

    prepared: Callable[[GraphModule, Plan, Recipe], GraphModule] = lambda graph, _plan, _recipe: graph
    """The quantized graph of a plan in the form that `export` takes."""
    float16: Callable[[GraphModule], GraphModule] | None = None
    """What was prepared, with float16 where it is in float; None if the runtime gains nothing by it."""
    export: Callable[[ExportedProgram, Recipe], bytes]
    """A program, float32 (1, 3, size, size) -> (1, classes), as the bytes of a file."""


def export_program(network: nn.Module, example: Tensor) -> ExportedProgram:
    """`network` as a graph for inputs of the shape of `example`.

    Not strict: reading Python bytecode, as strict export does, finds the same graph in networks without branches, and
    takes three times as long (measured on LeViT-128S: int8 7.0 s of processor time instead of 2.2).
    """
    with torch.no_grad():
        return torch.export.export(network, (example,), strict=False)
