"""Plan -> one PT2E graph with quantize/dequantize nodes, from which both runtimes' files are made.

torchao's `prepare_pt2e` and `convert_pt2e` do the graph surgery; `LevitQuantizer` tells them which nodes are quantized
and with which parameters. Nothing is observed in the graph: activation parameters come from `calibrate`, weights
and their scales from the plan.
"""

import warnings
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node
from torchao.quantization.pt2e import ObserverBase, PlaceholderObserver
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
from torchao.quantization.pt2e.quantizer import (
    FixedQParamsQuantizationSpec,
    QuantizationAnnotation,
    QuantizationSpec,
    Quantizer,
)

from levit_edge.bundle.recipe import LayerScheme
from levit_edge.errors import QuantizationError
from levit_edge.model.deploy import DeployLeViT
from levit_edge.quantize.export.program import export_program
from levit_edge.quantize.plan import LayerPlan, Plan, ProductPlan
from levit_edge.quantize.ranges.affine import INT8_MAX, INT8_MIN, Range
from levit_edge.quantize.schemes import quantizable_layers
from levit_edge.quantize.weights.weights import WEIGHT_MAX

__all__ = ["LevitQuantizer", "capture", "quantize_captured", "quantize_graph"]

LAYER_OPERATORS = (torch.ops.aten.conv2d.default, torch.ops.aten.linear.default)
PRODUCT_OPERATOR = torch.ops.aten.bmm.default
LAYOUT_OPERATORS = (torch.ops.aten.reshape.default, torch.ops.aten.permute.default)
"""Between a layer and a product: they move int8 as well as float."""


def capture(deploy: DeployLeViT) -> GraphModule:
    """The deploy form as a graph for one image: float32 (1, 3, size, size) -> (1, classes)."""
    size = deploy.config.image_size
    return export_program(deploy, torch.zeros(1, 3, size, size)).module()


def quantize_graph(plan: Plan) -> GraphModule:
    """The quantized graph: float32 (1, 3, size, size) -> (1, classes), int8 inside as `plan` says.

    Raises:
        QuantizationError: a layer of the graph is not in the plan, or a layer of the plan not in the graph.
    """
    return quantize_captured(capture(_with_rounded_weights(plan)), plan)


def quantize_captured(graph: GraphModule, plan: Plan) -> GraphModule:
    """Annotate and convert a captured network, whose weights are on the int8 grid where `plan` quantizes them.

    Raises:
        QuantizationError: a layer of the graph is not in the plan, or a layer of the plan not in the graph.
    """
    with warnings.catch_warnings(), torch.no_grad():
        warnings.filterwarnings("ignore", module=r"torchao\..*|torch\..*")
        converted: GraphModule = convert_pt2e(prepare_pt2e(graph, LevitQuantizer(plan)))
    return converted


def _with_rounded_weights(plan: Plan) -> DeployLeViT:
    deploy = deepcopy(plan.deploy)
    with torch.no_grad():
        for name, layer in quantizable_layers(deploy).items():
            if plan.layers[name].scheme is not LayerScheme.FLOAT:
                layer.weight.copy_(plan.layers[name].weight)
                layer.get_parameter("bias").copy_(plan.layers[name].bias)
    return deploy


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
    """Annotates the convolutions and linears of a captured deploy form, and the attention products in int8."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan

    def annotate(self, model: GraphModule) -> GraphModule:
        """Attach quantization parameters to every layer and product that the plan quantizes.

        Raises:
            QuantizationError: a layer is not in the plan or not in the graph.
        """
        missing = set(self.plan.layers)
        for node in model.graph.nodes:
            if node.target in LAYER_OPERATORS:
                name = layer_name(node)
                if name not in missing:
                    raise QuantizationError(f"layer {name} is not in the plan: please report this.")
                missing.discard(name)
                if self.plan.layers[name].scheme is not LayerScheme.FLOAT:
                    node.meta["quantization_annotation"] = _annotation(node, self.plan.layers[name])
            elif node.target is PRODUCT_OPERATOR and layer_name(node) in self.plan.products:
                _annotate_product(node, self.plan.products[layer_name(node)])
        if missing:
            raise QuantizationError(f"layers {sorted(missing)} are not in the captured graph: please report this.")
        return model

    def validate(self, model: GraphModule) -> None:
        """Nothing to add: `annotate` refuses what it does not know."""


def layer_name(node: Node) -> str:
    """The name of the module that a convolution, linear or product came from, such as `blocks.3.up`."""
    path = list(node.meta["nn_module_stack"].values())[-1][0]
    return str(path).removeprefix("L['self'].")


def _annotation(node: Node, layer: LayerPlan) -> QuantizationAnnotation:
    activation, weight = node.args[:2]
    static = layer.scheme is LayerScheme.STATIC
    return QuantizationAnnotation(
        input_qspec_map={
            activation: _static_spec(layer.ranges.input) if static else _DYNAMIC_SPEC,
            weight: _weight_spec(layer.weight_scales),
        },
        output_qspec=_static_spec(layer.ranges.output) if static else None,
        _annotated=True,
    )


def _annotate_product(node: Node, product: ProductPlan) -> None:
    """The product in int8, and with it the reshapes and permutations of its operands and of its result."""
    left, right = node.all_input_nodes
    result = _static_spec(product.output)
    operands = {left: _static_spec(product.left), right: _static_spec(product.right)}
    node.meta["quantization_annotation"] = _moved(operands, result)
    for operand, spec in operands.items():
        mover = operand
        while mover.target in LAYOUT_OPERATORS:
            (source,) = mover.all_input_nodes
            mover.meta["quantization_annotation"] = _moved({source: spec}, spec)
            mover = source
    (reader,) = node.users
    while reader.target in LAYOUT_OPERATORS:
        reader.meta["quantization_annotation"] = _moved({reader.all_input_nodes[0]: result}, result)
        (reader,) = reader.users


def _moved(inputs: dict[Node, QuantizationSpec], output: QuantizationSpec) -> QuantizationAnnotation:
    return QuantizationAnnotation(input_qspec_map=inputs, output_qspec=output, _annotated=True)


_DYNAMIC_SPEC = QuantizationSpec(
    dtype=torch.int8,
    observer_or_fake_quant_ctr=PlaceholderObserver.with_args(eps=2**-12),
    quant_min=INT8_MIN,
    quant_max=INT8_MAX,
    qscheme=torch.per_tensor_affine,
    is_dynamic=True,
)
"""What the lowering to XNNPACK knows as an input whose range is taken at run time."""


def _static_spec(bounds: Range) -> FixedQParamsQuantizationSpec:
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
