"""Everything that is decided about a network before a graph is made of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from levit_edge.model.deploy import DeployLeViT
from levit_edge.quantize.bias_correction import mean_shifts
from levit_edge.quantize.calibrate import LayerRanges, calibrate
from levit_edge.quantize.equalize import equalize
from levit_edge.quantize.gptq import round_with_compensation, second_moments
from levit_edge.quantize.recipe import LayerScheme, Recipe, WeightRounding
from levit_edge.quantize.schemes import layer_schemes, quantizable_layers
from levit_edge.quantize.weights import round_to_nearest, weight_scales
from levit_edge.runtime.stages import Advance, Stages

__all__ = ["LayerPlan", "Plan", "make_plan"]


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
    weight_scales: Tensor
    """Float32 (outputs,)."""
    weight: Tensor
    """On the int8 grid: each value is a whole number of its output channel's scale."""
    bias: Tensor


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The float network, equalized, and what each of its layers becomes."""

    deploy: DeployLeViT
    layers: dict[str, LayerPlan]
    """In execution order."""

    @property
    def schemes(self) -> dict[str, LayerScheme]:
        """How each layer computes."""
        return {name: layer.scheme for name, layer in self.layers.items()}

    def with_schemes(self, schemes: dict[str, LayerScheme]) -> "Plan":
        """The same plan with some layers computing otherwise."""
        layers = {name: replace(layer, scheme=schemes.get(name, layer.scheme)) for name, layer in self.layers.items()}
        return replace(self, layers=layers)


def make_plan(deploy: DeployLeViT, images: Images, recipe: Recipe, stages: Stages) -> Plan:
    """Equalize, calibrate, round weights: one pass over the images for each step that needs one.

    Raises:
        QuantizationError: the recipe does not fit the network, or the images give values that cannot be quantized.
    """
    schemes = layer_schemes(deploy, recipe)
    if recipe.equalize:
        with stages.stage("equalize", total=len(images)) as advance:
            deploy = equalize(deploy, images.tensors(advance))
    with stages.stage("calibrate", total=len(images)) as advance:
        ranges = calibrate(deploy, images.tensors(advance), recipe)
    layers = quantizable_layers(deploy)
    scales = {name: weight_scales(layer, ranges[name]) for name, layer in layers.items()}
    if recipe.weight_rounding is WeightRounding.GPTQ:
        with stages.stage("round weights", total=len(images)) as advance:
            moments = second_moments(deploy, images.tensors(advance))
            weights = {
                name: round_with_compensation(layer.weight, scales[name], moments.pop(name))
                for name, layer in layers.items()
            }
    else:
        weights = {name: round_to_nearest(layer.weight.detach(), scales[name]) for name, layer in layers.items()}
    plan = Plan(
        deploy=deploy,
        layers={
            name: LayerPlan(
                scheme=schemes[name],
                ranges=ranges[name],
                weight_scales=scales[name],
                weight=weights[name],
                bias=layer.get_parameter("bias").detach(),
            )
            for name, layer in layers.items()
        },
    )
    if not recipe.bias_correction:
        return plan
    with stages.stage("correct biases", total=len(images)) as advance:
        return _with_biases(plan, mean_shifts(deploy, plan.layers, images.tensors(advance)))


def _with_biases(plan: Plan, shifts: dict[str, Tensor]) -> Plan:
    with torch.no_grad():
        layers = {name: replace(layer, bias=layer.bias + shifts[name]) for name, layer in plan.layers.items()}
    return replace(plan, layers=layers)
