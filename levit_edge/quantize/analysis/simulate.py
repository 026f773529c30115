"""A plan computed in the eager deploy form: what int8 does to the result, in float32 arithmetic and in batches.

The result differs from the graph made of the same plan by float rounding alone.
"""

from collections.abc import Callable, Collection
from copy import deepcopy

import torch
from torch import Tensor, nn

from levit_edge.bundle.recipe import LayerScheme
from levit_edge.model.deploy import DeployLeViT
from levit_edge.quantize.analysis.rounding import rounded_dynamically, rounded_statically
from levit_edge.quantize.plan import Plan, ProductPlan
from levit_edge.quantize.ranges.affine import Range
from levit_edge.quantize.schemes import quantizable_layers

__all__ = ["simulate"]


def simulate(
    plan: Plan, *, weights: Collection[str] | None = None, activations: Collection[str] | None = None
) -> DeployLeViT:
    """A copy of `plan.deploy` that computes as the int8 graph would: (batch, 3, size, size) -> (batch, classes).

    `weights` and `activations` name the layers whose weights and activations are rounded, `activations` the attention
    products as well; None stands for all of them.
    """
    simulated = deepcopy(plan.deploy)
    for name, layer in quantizable_layers(simulated).items():
        planned = plan.layers[name]
        if planned.scheme is LayerScheme.FLOAT:
            continue
        if weights is None or name in weights:
            with torch.no_grad():
                layer.weight.copy_(planned.weight)
                layer.get_parameter("bias").copy_(planned.bias)
        if activations is None or name in activations:
            if planned.scheme is LayerScheme.STATIC:
                layer.register_forward_pre_hook(_static_input(planned.ranges.input))
                layer.register_forward_hook(_static_output(planned.ranges.output))
            else:
                layer.register_forward_pre_hook(_dynamic_input)
    for name, product in plan.products.items():
        if activations is None or name in activations:
            module = simulated.get_submodule(name)
            module.register_forward_pre_hook(_static_operands(product))
            module.register_forward_hook(_static_output(product.output))
    return simulated


def _static_input(bounds: Range) -> Callable[[nn.Module, tuple[Tensor]], tuple[Tensor]]:
    return lambda _layer, inputs: (rounded_statically(inputs[0], bounds),)


def _static_operands(product: ProductPlan) -> Callable[[nn.Module, tuple[Tensor, Tensor]], tuple[Tensor, Tensor]]:
    return lambda _product, operands: (
        rounded_statically(operands[0], product.left),
        rounded_statically(operands[1], product.right),
    )


def _static_output(bounds: Range) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]:
    return lambda _layer, _inputs, output: rounded_statically(output, bounds)


def _dynamic_input(_layer: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
    return (rounded_dynamically(inputs[0]),)
