"""A plan computed in the eager deploy form: what int8 does to the result, in float32 arithmetic and in batches.

The result differs from the graph made of the same plan by float rounding alone.
"""

from collections.abc import Callable, Collection
from copy import deepcopy

from torch import Tensor, nn

from levit_edge.model.deploy import DeployLeViT
from levit_edge.quantize.plan import LayerPlan, Plan, ProductPlan
from levit_edge.quantize.schemes import quantizable_layers
from levit_edge.quantize.schemes.static import rounded_statically

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
        if weights is None or name in weights:
            planned.write_weights(layer)
        if activations is None or name in activations:
            layer.register_forward_pre_hook(_rounded_input(planned))
            layer.register_forward_hook(_rounded_output(planned))
    for name, product in plan.products.items():
        if activations is None or name in activations:
            module = simulated.get_submodule(name)
            module.register_forward_pre_hook(_rounded_operands(product))
            module.register_forward_hook(_rounded_product(product))
    return simulated


def _rounded_input(planned: LayerPlan) -> Callable[[nn.Module, tuple[Tensor]], tuple[Tensor]]:
    return lambda _layer, inputs: (planned.computation.round_input(inputs[0], planned.ranges),)


def _rounded_output(planned: LayerPlan) -> Callable[[nn.Module, tuple[Tensor], Tensor], Tensor]:
    return lambda _layer, _inputs, output: planned.computation.round_output(output, planned.ranges)


def _rounded_operands(product: ProductPlan) -> Callable[[nn.Module, tuple[Tensor, Tensor]], tuple[Tensor, Tensor]]:
    return lambda _product, operands: (
        rounded_statically(operands[0], product.left),
        rounded_statically(operands[1], product.right),
    )


def _rounded_product(product: ProductPlan) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]:
    return lambda _product, _operands, output: rounded_statically(output, product.output)
