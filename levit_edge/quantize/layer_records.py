"""What a bundle says of each layer: its scheme, its parameters, and a digest of its weights."""

import hashlib

import torch

from levit_edge.bundle.manifest import LayerRecord
from levit_edge.quantize.plan import LayerPlan, Plan
from levit_edge.quantize.weights.weights import per_channel

__all__ = ["layer_records"]


def layer_records(plan: Plan) -> tuple[LayerRecord, ...]:
    """One record for every layer, in execution order."""
    return tuple(_record(name, layer) for name, layer in plan.layers.items())


def _record(name: str, layer: LayerPlan) -> LayerRecord:
    fixed = layer.computation.FIXED_RANGES
    return LayerRecord(
        layer=name,
        scheme=layer.scheme,
        input=layer.ranges.input.affine() if fixed else None,
        output=layer.ranges.output.affine() if fixed else None,
        weights_sha256=_digest(layer) if layer.computation.INT8_WEIGHTS else None,
    )


def _digest(layer: LayerPlan) -> str:
    steps = (layer.weight / per_channel(layer.weight_scales, layer.weight)).round().to(torch.int8)
    return hashlib.sha256(steps.numpy().tobytes() + layer.weight_scales.numpy().tobytes()).hexdigest()
