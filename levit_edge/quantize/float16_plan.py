"""What a file with float16 computes otherwise than the others, because float16 makes it cheap.

Of all layers the stem's first two convolutions cost the most accuracy in int8. In float16, on the LeViT-128S stand-in
and a Cortex-A76, the first takes as many instructions as in int8, the second 0.64 million more, of 38, as its input
needs no range and no factors for its channels. The first shrinking attention, which all that follows goes through, gets
the ranges of its keys' and its projection's inputs at run time, so that their results are float16 and not int8: nearly
1 dB for 0.2 million. In float32 both cost several times that.
"""

from copy import deepcopy
from dataclasses import replace

import torch
from torch.nn import functional as F

from levit_edge.bundle.recipe import LayerScheme
from levit_edge.model.deploy import DeployShrinkingAttention
from levit_edge.quantize.plan import Plan
from levit_edge.quantize.ranges.affine import LayerRanges, Range

__all__ = ["with_float16_choices"]

FIRST, SECOND = "stem.conv1", "stem.conv2"
HARDSWISH_LOWEST = -0.375
DYNAMIC_PARTS = ("k", "proj")


def with_float16_choices(plan: Plan) -> Plan:
    """The `plan` with its stem's first convolutions in float and two linears dynamic.

    A stem whose ranges are fixed stays as it is, and with it all else: then the recipe asks for everything in int8.
    """
    if any(plan.layers[name].scheme is not LayerScheme.DYNAMIC for name in (FIRST, SECOND)):
        return plan
    shrinking = next(
        name for name, module in plan.deploy.named_modules() if isinstance(module, DeployShrinkingAttention)
    )
    chosen = dict.fromkeys((FIRST, SECOND), LayerScheme.FLOAT)
    for name in (f"{shrinking}.{part}" for part in DYNAMIC_PARTS):
        if plan.layers[name].scheme is LayerScheme.STATIC:
            chosen[name] = LayerScheme.DYNAMIC
    return _without_factors(plan.with_schemes(chosen))


def _without_factors(plan: Plan) -> Plan:
    """For the channels of the second convolution's input."""
    deploy = deepcopy(plan.deploy)
    with torch.no_grad():
        deploy.stem.unscale_input(SECOND.partition(".")[2])
    second = plan.layers[SECOND]
    largest = F.hardswish(torch.tensor(plan.layers[FIRST].seen.output.maximum))
    read = Range(minimum=HARDSWISH_LOWEST, maximum=max(float(largest), 0.0))
    ranges = LayerRanges(input=read, output=second.seen.output)
    return replace(plan, deploy=deploy, layers={**plan.layers, SECOND: replace(second, ranges=ranges, seen=ranges)})
