"""A plan computed in the eager deploy form: what int8 does to the result, in float32 arithmetic and in batches.

The result differs from the graph made of the same plan by float rounding alone.
"""

from collections.abc import Callable, Collection
from copy import deepcopy
from functools import partial

from torch import Tensor, nn

from levit_edge.model.deploy import DeployLeViT
from levit_edge.quantize.plan import Plan
from levit_edge.quantize.schemes import quantizable_layers
from levit_edge.quantize.schemes.static import rounded_statically

__all__ = ["simulate"]

Rounding = Callable[[Tensor], Tensor]


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
            computation, ranges = planned.computation, planned.ranges
            _round(layer, [partial(computation.round_input, ranges)], partial(computation.round_output, ranges))
    for name, product in plan.products.items():
        if activations is None or name in activations:
            left, right, output = (
                partial(rounded_statically, bounds=bounds) for bounds in (product.left, product.right, product.output)
            )
            _round(simulated.get_submodule(name), [left, right], output)
    return simulated


def _round(module: nn.Module, inputs: list[Rounding], output: Rounding) -> None:
    """Let `module` round what it is given, one tensor for each of `inputs`, and what it gives."""

    def round_inputs(_module: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(rounded(values) for rounded, values in zip(inputs, given, strict=True))

    module.register_forward_pre_hook(round_inputs)
    module.register_forward_hook(lambda _module, _given, result: output(result))
