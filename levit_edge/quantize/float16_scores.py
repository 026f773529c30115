"""Attention's scores, queries times keys, where float16 cannot hold them: computed divided by a power of two.

Queries have the divisor in their weights and scales, which costs nothing and leaves their int8 values as they are; the
products are cut to what softmax may be given, multiplied back, and only then get their bias. Two things are not exact:

* The cut changes something where two scores of a query are both beyond 16,384, or more where the bias is smaller than
  that: they count as equal, if they are not. Float16 as such ends at 65,504, and its steps are 16 from 16,384 on.
* On ARM a divided score below 2⁻¹⁴ becomes zero, which is a score below 2⁻¹⁴ times the divisor. So there is a largest
  divisor, `levit_edge.quantize.float16_bounds.MOST_DIVISOR`: what is lost is at most 1/16, where other scores of the
  attention can be beyond ten million.
"""

from copy import deepcopy
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from levit_edge.quantize.plan import LayerPlan, Plan, ProductPlan
from levit_edge.quantize.ranges.affine import LayerRanges, Range

__all__ = ["Restored", "ScoreLimit", "with_divided_scores"]


@dataclass(frozen=True, kw_only=True)
class ScoreLimit:
    """How an attention's scores come to fit."""

    divisor: float
    """A power of two."""
    largest: float
    """What they are cut to, multiplied back, on either side."""


class Restored(nn.Module):
    """Cuts scores that were divided, and multiplies them back."""

    divisor: Tensor

    def __init__(self, limit: ScoreLimit) -> None:
        super().__init__()
        self.cut = limit.largest / limit.divisor
        self.register_buffer("divisor", torch.tensor([limit.divisor]))

    def forward(self, scores: Tensor) -> Tensor:
        """(…) -> the same shape."""
        return scores.clamp(-self.cut, self.cut) * self.divisor


def with_divided_scores(plan: Plan, limits: dict[str, ScoreLimit]) -> Plan:
    """A `plan` of the same function, with the scores of the named attentions, such as `blocks.0`, within `limits`."""
    deploy, layers, products = deepcopy(plan.deploy), dict(plan.layers), dict(plan.products)
    for block, limit in limits.items():
        queries, scores = f"{block}.q", f"{block}.scores"
        with torch.no_grad():
            for parameter in deploy.get_submodule(queries).parameters():
                parameter.div_(limit.divisor)
        layers[queries] = _divided_layer(layers[queries], limit.divisor)
        deploy.get_submodule(block).add_module("restore", Restored(limit))
        if scores in products:
            products[scores] = _divided_product(products[scores], limit.divisor)
    return replace(plan, deploy=deploy, layers=layers, products=products)


def _divided_layer(layer: LayerPlan, divisor: float) -> LayerPlan:
    """The layer whose results are divided."""
    ranges, seen = (_divided_output(each, divisor) for each in (layer.ranges, layer.seen))
    tensors = {name: getattr(layer, name) / divisor for name in ("weight_scales", "weight", "bias")}
    return replace(layer, ranges=ranges, seen=seen, **tensors)


def _divided_output(ranges: LayerRanges, divisor: float) -> LayerRanges:
    return replace(ranges, output=_divided(ranges.output, divisor))


def _divided_product(product: ProductPlan, divisor: float) -> ProductPlan:
    return replace(product, left=_divided(product.left, divisor), output=_divided(product.output, divisor))


def _divided(bounds: Range, divisor: float) -> Range:
    return Range(minimum=bounds.minimum / divisor, maximum=bounds.maximum / divisor)
