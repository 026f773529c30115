"""Everything that is decided about a network before a graph is made of it."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

import torch
from torch import Tensor

from levit_edge.bundle.manifest import LayerRecord
from levit_edge.bundle.recipe import LayerScheme, Recipe, WeightRounding
from levit_edge.model.deploy import DeployLeViT
from levit_edge.quantize.calibration.calibrate import calibrate
from levit_edge.quantize.equalize import equalize
from levit_edge.quantize.ranges.affine import LayerRanges, Range
from levit_edge.quantize.schemes import Layer, quantizable_layers
from levit_edge.quantize.schemes.choice import int8_attention_blocks, layer_schemes
from levit_edge.quantize.schemes.registry import COMPUTATIONS, Computation
from levit_edge.quantize.weights.bias_correction import mean_shifts
from levit_edge.quantize.weights.gptq import SecondMoments, round_with_compensation
from levit_edge.quantize.weights.weights import per_channel, round_to_nearest, weight_scales
from levit_edge.system.progress import Advance, Stages

__all__ = ["LayerPlan", "Plan", "ProductPlan", "make_plan"]

SOFTMAX_RANGE = Range(minimum=0.0, maximum=1.0)


class Images(Protocol):
    """Calibration images that can be passed over several times."""

    def __len__(self) -> int: ...
    def tensors(self, advance: Advance) -> Iterator[Tensor]:
        """One pass: float32 (batch, 3, size, size)."""


@dataclass(frozen=True, kw_only=True)
class LayerPlan:
    """One convolution or linear: how it computes, and with what if it computes in int8."""

    scheme: LayerScheme
    ranges: LayerRanges
    seen: LayerRanges
    """What calibration saw, of which `ranges` may leave out ends."""
    weight_scales: Tensor
    """Float32 (outputs,)."""
    weight: Tensor
    """On the int8 grid: each value is a whole number of its output channel's scale."""
    bias: Tensor

    @property
    def computation(self) -> Computation:
        """What its scheme comes to."""
        return COMPUTATIONS[self.scheme]

    @property
    def represented(self) -> LayerRanges:
        """What its int8 values stand for: fixed, or on images as calibration saw them."""
        return self.ranges if self.computation.fixed_ranges else self.seen

    def write_weights(self, layer: Layer) -> None:
        """Give `layer` the weights and the bias that it computes with: in float its own, which it has."""
        if self.computation.int8_weights:
            with torch.no_grad():
                layer.weight.copy_(self.weight)
                layer.get_parameter("bias").copy_(self.bias)


@dataclass(frozen=True, kw_only=True)
class ProductPlan:
    """One of an attention's two products in static int8."""

    left: Range
    right: Range
    """Its zero point is 0: XNNPACK's int8 product takes no other."""
    output: Range


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The float network, equalized, and what each of its layers becomes."""

    deploy: DeployLeViT
    layers: dict[str, LayerPlan]
    """In execution order."""
    products: dict[str, ProductPlan] = field(default_factory=dict)
    """Those that compute in int8, by names such as `blocks.0.scores`."""
    own_images: bool = True
    """Whether calibration saw images of the model's kind: others show less of what it gives for its own."""

    @property
    def schemes(self) -> dict[str, LayerScheme]:
        """How each layer computes."""
        return {name: layer.scheme for name, layer in self.layers.items()}

    def with_schemes(self, schemes: dict[str, LayerScheme]) -> "Plan":
        """The same plan with some layers computing otherwise."""
        layers = {name: replace(layer, scheme=schemes.get(name, layer.scheme)) for name, layer in self.layers.items()}
        return replace(self, layers=layers)

    @property
    def records(self) -> tuple[LayerRecord, ...]:
        """What a bundle says of each layer: its scheme, its parameters, and a digest of its weights."""
        return tuple(_record(name, layer) for name, layer in self.layers.items())


def make_plan(deploy: DeployLeViT, images: Images, recipe: Recipe, stages: Stages) -> Plan:
    """Equalize, calibrate, round weights.

    One pass over the images serves all that the equalized float network can tell: ranges, moments for rounding.
    Two more cannot be part of it: equalization comes first, as it changes what is seen (ranges by percentile, squared
    error or entropy do not follow from those before it); bias correction comes last, as it needs the rounded weights.

    Raises:
        QuantizationError: the recipe does not fit the network, or the images give values that cannot be quantized.
    """
    schemes = layer_schemes(deploy, recipe)
    int8_attention = int8_attention_blocks(deploy, recipe)
    if recipe.equalize:
        with stages.stage("equalize", total=len(images)) as advance:
            deploy = equalize(deploy, images.tensors(advance))
    with stages.stage("calibrate", total=len(images)) as advance:
        products = [f"{block}.{product}" for block in int8_attention for product in ("scores", "context")]
        moments = SecondMoments(deploy) if recipe.weight_rounding is WeightRounding.GPTQ else None
        found = calibrate(deploy, images.tensors(advance), recipe, products, moments.hooks if moments else ())
    ranges = dict(found.ranges)
    for layer in (f"{block}.{name}" for block in int8_attention for name in ("k", "v")):
        ranges[layer] = replace(ranges[layer], output=ranges[layer].output.symmetric())
    layers: dict[str, LayerPlan] = {}
    with stages.stage("round weights", total=len(schemes)) as advance:
        for name, module in quantizable_layers(deploy).items():
            scales, weight = weight_scales(module, ranges[name]), module.weight.detach()
            layers[name] = LayerPlan(
                scheme=schemes[name],
                ranges=ranges[name],
                seen=found.seen[name],
                weight_scales=scales,
                weight=round_with_compensation(weight, scales, moments.of(name))
                if moments
                else round_to_nearest(weight, scales),
                bias=module.get_parameter("bias").detach(),
            )
            advance(1)
    if recipe.bias_correction:
        with stages.stage("correct biases", total=len(images)) as advance, torch.no_grad():
            shifts = mean_shifts(deploy, layers, images.tensors(advance))
            layers = {name: replace(layer, bias=layer.bias + shifts[name]) for name, layer in layers.items()}
    product_plans = {name: plan for block in int8_attention for name, plan in _product_plans(block, ranges).items()}
    return Plan(deploy=deploy, layers=layers, products=product_plans)


def _product_plans(block: str, ranges: dict[str, LayerRanges]) -> dict[str, ProductPlan]:
    q, k, v = (ranges[f"{block}.{name}"].output for name in ("q", "k", "v"))
    scores, context = f"{block}.scores", f"{block}.context"
    return {
        scores: ProductPlan(left=q, right=k, output=ranges[scores].output),
        context: ProductPlan(left=SOFTMAX_RANGE, right=v, output=ranges[context].output),
    }


def _record(name: str, layer: LayerPlan) -> LayerRecord:
    fixed = layer.computation.fixed_ranges
    return LayerRecord(
        layer=name,
        scheme=layer.scheme,
        input=layer.ranges.input.affine() if fixed else None,
        output=layer.ranges.output.affine() if fixed else None,
        weights_sha256=_digest(layer) if layer.computation.int8_weights else None,
    )


def _digest(layer: LayerPlan) -> str:
    steps = (layer.weight / per_channel(layer.weight_scales, layer.weight)).round().to(torch.int8)
    return hashlib.sha256(steps.numpy().tobytes() + layer.weight_scales.numpy().tobytes()).hexdigest()
