"""Plan -> one PT2E graph with quantize/dequantize nodes, from which both runtimes' files are made.

torchao's `prepare_pt2e` and `convert_pt2e` do the graph surgery; `LevitQuantizer` tells them which nodes are quantized
and with which parameters. Nothing is observed in the graph: activation parameters come from `calibrate`, weights
and their scales from the plan.
"""

import warnings

import torch
from torch.fx import GraphModule, Node
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
from torchao.quantization.pt2e.quantizer import Quantizer

from levit_edge.errors import QuantizationError
from levit_edge.model.deploy import DeployLeViT
from levit_edge.quantize.analysis.simulate import simulate
from levit_edge.quantize.export.program import export_program
from levit_edge.quantize.plan import Plan, ProductPlan
from levit_edge.quantize.schemes.annotation import annotated, fixed_range

__all__ = [
    "LAYER_OPERATORS",
    "LevitQuantizer",
    "before_rounding",
    "capture",
    "layer_name",
    "quantize_captured",
    "quantize_graph",
]

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
    return quantize_captured(capture(simulate(plan, activations=())), plan)


def quantize_captured(graph: GraphModule, plan: Plan) -> GraphModule:
    """Annotate and convert a captured network, whose weights are on the int8 grid where `plan` quantizes them.

    Raises:
        QuantizationError: a layer of the graph is not in the plan, or a layer of the plan not in the graph.
    """
    with warnings.catch_warnings(), torch.no_grad():
        warnings.filterwarnings("ignore", module=r"torchao\..*|torch\..*")
        converted: GraphModule = convert_pt2e(prepare_pt2e(graph, LevitQuantizer(plan)))
    return converted


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
                layer = self.plan.layers[name]
                annotation = layer.computation.annotation(node, layer.ranges, layer.weight_scales)
                if annotation is not None:
                    node.meta["quantization_annotation"] = annotation
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


def before_rounding(node: Node, *, dynamic: bool = False) -> Node | None:
    """What `node`, of a quantized graph, is after rounding to int8 with a fixed range, or a `dynamic` one, and back.

    None if it is no result of rounding.
    """
    dequantize = torch.ops.quantized_decomposed.dequantize_per_tensor
    if node.target is not (dequantize.tensor if dynamic else dequantize.default):
        return None
    return node.all_input_nodes[0].all_input_nodes[0]


def _annotate_product(node: Node, product: ProductPlan) -> None:
    """The product in int8, and with it the reshapes and permutations of its operands and of its result."""
    left, right = node.all_input_nodes
    result = fixed_range(product.output)
    operands = {left: fixed_range(product.left), right: fixed_range(product.right)}
    node.meta["quantization_annotation"] = annotated(operands, result)
    for operand, spec in operands.items():
        mover = operand
        while mover.target in LAYOUT_OPERATORS:
            (source,) = mover.all_input_nodes
            mover.meta["quantization_annotation"] = annotated({source: spec}, spec)
            mover = source
    (reader,) = node.users
    while reader.target in LAYOUT_OPERATORS:
        reader.meta["quantization_annotation"] = annotated({reader.all_input_nodes[0]: result}, result)
        (reader,) = reader.users
