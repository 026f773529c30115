"""Deploy form + ranges -> one PT2E graph with quantize/dequantize nodes, from which both runtimes' files are made.

torchao's `prepare_pt2e` and `convert_pt2e` do the graph surgery; `LevitQuantizer` tells them which nodes are quantized
and with which parameters. Nothing is observed in the graph: activation parameters come from `calibrate`, weight
scales from `weight_scales`.
"""

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node
from torchao.quantization.pt2e import ObserverBase
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
from torchao.quantization.pt2e.quantizer import (
    FixedQParamsQuantizationSpec,
    QuantizationAnnotation,
    QuantizationSpec,
    Quantizer,
)

from levit_edge.errors import QuantizationError
from levit_edge.model.deploy import DeployLeViT
from levit_edge.quantize.calibrate import LayerRanges, quantizable_layers
from levit_edge.quantize.ranges import INT8_MAX, INT8_MIN, Range
from levit_edge.quantize.recipe import Recipe

__all__ = ["LevitQuantizer", "capture", "quantize_graph", "weight_scales"]

WEIGHT_MAX = 127
"""Weights use [-127, 127]: symmetric, and what the runtimes' int8 kernels expect."""
LARGEST_BIAS = 2.0**30
"""Biases become int32 of scale input × weight; a channel of almost zero weights must not overflow them."""
SMALLEST_MULTIPLIER = 2.0**-30
"""Least input × weight / output scale: XNNPACK refuses less than 2⁻³². A channel below it cannot move its output by one
step, as its largest sum, 127 × 128 × 1024, is below 2²⁴."""
LAYER_OPERATORS = (torch.ops.aten.conv2d.default, torch.ops.aten.linear.default)


def capture(deploy: DeployLeViT) -> GraphModule:
    """The deploy form as a graph for one image: float32 (1, 3, size, size) -> (1, classes)."""
    size = deploy.config.image_size
    with torch.no_grad():
        return torch.export.export(deploy, (torch.zeros(1, 3, size, size),), strict=True).module()


def quantize_graph(deploy: DeployLeViT, ranges: dict[str, LayerRanges], recipe: Recipe) -> GraphModule:
    """The quantized graph: float32 (1, 3, size, size) -> (1, classes), int8 inside as `recipe` says.

    Raises:
        QuantizationError: a layer of the graph has no ranges, or a layer with ranges is not in the graph.
    """
    quantizer = LevitQuantizer(deploy, ranges, recipe)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.filterwarnings("ignore", module=r"torchao\..*|torch\..*")
        prepared = prepare_pt2e(capture(deploy), quantizer)
        converted: GraphModule = convert_pt2e(prepared)
    return converted


def weight_scales(layer: nn.Conv2d | nn.Linear, ranges: LayerRanges) -> Tensor:
    """One symmetric scale per output channel, float32 (outputs,): max |W| / 127, or more for a channel that is dead."""
    input_scale, output_scale = ranges.input.affine().scale, ranges.output.affine().scale
    scales = layer.weight.detach().flatten(1).abs().amax(1) / WEIGHT_MAX
    for_bias = layer.get_parameter("bias").detach().abs() / (input_scale * LARGEST_BIAS)
    return torch.maximum(scales, for_bias).clamp(min=SMALLEST_MULTIPLIER * output_scale / input_scale)


class GivenPerChannelScales(ObserverBase):  # type: ignore[misc]
    """An "observer" that hands the given per-channel scales to `convert_pt2e`."""

    def __init__(self, scales: Tensor, **_: Any) -> None:
        super().__init__(torch.int8)
        self.scales = scales
        self.qscheme = torch.per_channel_symmetric
        self.ch_axis = 0
        self.quant_min, self.quant_max = -WEIGHT_MAX, WEIGHT_MAX

    def forward(self, weight: Tensor) -> Tensor:
        """Pass the weight on unobserved."""
        return weight

    def calculate_qparams(self) -> tuple[Tensor, Tensor]:
        """Scales and zero points, each (outputs,)."""
        return self.scales, torch.zeros_like(self.scales, dtype=torch.int64)


class LevitQuantizer(Quantizer):  # type: ignore[misc]
    """Annotates the convolutions and linears of a captured deploy form."""

    def __init__(self, deploy: DeployLeViT, ranges: dict[str, LayerRanges], recipe: Recipe) -> None:
        super().__init__()
        self.layers = quantizable_layers(deploy)
        self.ranges = ranges
        self.recipe = recipe

    def annotate(self, model: GraphModule) -> GraphModule:
        """Attach quantization parameters to every layer that the recipe quantizes.

        Raises:
            QuantizationError: a layer has no ranges or is not in the graph.
        """
        missing = set(self.layers)
        for node in model.graph.nodes:
            if node.target in LAYER_OPERATORS:
                name = layer_name(node)
                missing.discard(name)
                if not self.recipe.keeps_in_float(name):
                    node.meta["quantization_annotation"] = self._annotation(node, name)
        if missing:
            raise QuantizationError(f"layers {sorted(missing)} are not in the captured graph: please report this.")
        return model

    def _annotation(self, node: Node, name: str) -> QuantizationAnnotation:
        if name not in self.ranges or name not in self.layers:
            raise QuantizationError(f"layer {name} has no calibrated range: calibrate the same network.")
        ranges = self.ranges[name]
        scales = weight_scales(self.layers[name], ranges)
        activation, weight = node.args[:2]
        return QuantizationAnnotation(
            input_qspec_map={activation: _activation_spec(ranges.input), weight: _weight_spec(scales)},
            output_qspec=_activation_spec(ranges.output),
            _annotated=True,
        )

    def validate(self, model: GraphModule) -> None:
        """Nothing to add: `annotate` refuses what it does not know."""


def layer_name(node: Node) -> str:
    """The name of the module that a convolution or linear node came from, such as `blocks.3.up`."""
    path = list(node.meta["nn_module_stack"].values())[-1][0]
    return str(path).removeprefix("L['self'].")


def _activation_spec(bounds: Range) -> FixedQParamsQuantizationSpec:
    affine = bounds.affine()
    return FixedQParamsQuantizationSpec(
        dtype=torch.int8,
        scale=affine.scale,
        zero_point=affine.zero_point,
        quant_min=INT8_MIN,
        quant_max=INT8_MAX,
        qscheme=torch.per_tensor_affine,
    )


def _weight_spec(scales: Tensor) -> QuantizationSpec:
    return QuantizationSpec(
        dtype=torch.int8,
        observer_or_fake_quant_ctr=GivenPerChannelScales.with_args(scales=scales),
        quant_min=-WEIGHT_MAX,
        quant_max=WEIGHT_MAX,
        qscheme=torch.per_channel_symmetric,
        ch_axis=0,
    )
