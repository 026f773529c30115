"""Attention products in int8: planned, simulated, in the graph, in the `.pte` file, and not in the ONNX file."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from torch.fx import Node

from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.recipe import Recipe, Scheme, WeightRounding
from levit_edge.errors import QuantizationError
from levit_edge.quantize.analysis.simulate import simulate
from levit_edge.quantize.artifacts import check_exports, export_all
from levit_edge.quantize.export.onnx_float import make_products_float
from levit_edge.quantize.plan import Plan
from levit_edge.quantize.quantizer import PRODUCT_OPERATOR, layer_name, quantize_graph
from levit_edge.quantize.ranges.affine import Range
from levit_edge.quantize.schemes.choice import int8_attention_blocks
from levit_edge.system.progress import Stages
from tests.quantize.conftest import Demo, plan_of

DEQUANTIZE = torch.ops.quantized_decomposed.dequantize_per_tensor.default
QUANTIZE = torch.ops.quantized_decomposed.quantize_per_tensor.default
PRODUCTS = ["blocks.0.scores", "blocks.0.context"]
SAME_DB = 38.0
"""The simulation in batches and the graph of one image differ by float rounding, which moves values by int8 steps."""


@pytest.fixture(scope="module")
def plan(tiny_steps: Demo) -> Plan:
    recipe = Recipe(
        scheme=Scheme.STATIC, weight_rounding=WeightRounding.NEAREST, equalize=False, int8_attention=("blocks.0",)
    )
    return plan_of(tiny_steps.deploy, tiny_steps.images, recipe)


def sqnr_db(expected: torch.Tensor, found: torch.Tensor) -> float:
    return float(10 * torch.log10(expected.square().sum() / (expected - found).square().sum()))


def test_only_the_named_block_is_planned(plan: Plan, tiny_steps: Demo) -> None:
    assert list(plan.products) == PRODUCTS
    assert not tiny_steps.plan.products
    others = [name for name in plan.layers if not name.startswith("blocks.0.")]
    assert all(plan.layers[name].ranges == tiny_steps.plan.layers[name].ranges for name in others)


def test_right_operands_have_zero_point_zero(plan: Plan) -> None:
    for product in plan.products.values():
        assert product.right.affine().zero_point == 0
    for name in ("k", "v"):
        assert plan.layers[f"blocks.0.{name}"].ranges.output.affine().zero_point == 0


@pytest.mark.parametrize("seen", [Range(minimum=-3.0, maximum=1.0), Range(minimum=0.5, maximum=2.0)])
def test_a_symmetric_range_holds_what_was_seen(seen: Range) -> None:
    found = seen.symmetric()
    affine = found.affine()
    assert affine.zero_point == 0
    assert found.minimum <= seen.minimum
    assert seen.maximum <= found.maximum
    assert affine.scale == pytest.approx(max(-seen.minimum, seen.maximum) / 127)


def test_a_dead_tensor_has_a_symmetric_range_too() -> None:
    assert Range(minimum=0.0, maximum=0.0).symmetric().affine().zero_point == 0


def test_the_graph_rounds_both_operands_and_the_result(plan: Plan) -> None:
    products = {layer_name(node): node for node in quantize_graph(plan).graph.nodes if node.target is PRODUCT_OPERATOR}
    for name, node in products.items():
        operands = [operand.target for operand in node.all_input_nodes]
        readers = [reader.target for reader in node.users]
        if name in PRODUCTS:
            assert operands == [DEQUANTIZE, DEQUANTIZE], name
            assert readers == [QUANTIZE], name
            right: Node = node.all_input_nodes[1]
            assert right.args[2] == 0
        else:
            assert DEQUANTIZE not in operands, name
            assert QUANTIZE not in readers, name


def test_the_simulation_computes_what_the_graph_computes(plan: Plan, tiny_steps: Demo) -> None:
    graph = quantize_graph(plan)
    with torch.no_grad():
        found = torch.cat([graph(image[None]) for image in tiny_steps.images])
        simulated = simulate(plan)(tiny_steps.images)
        without = simulate(plan, activations=set(plan.layers))(tiny_steps.images)
    assert sqnr_db(found, simulated) > SAME_DB
    assert sqnr_db(found, without) < sqnr_db(found, simulated)


def test_onnx_gets_float_products(plan: Plan, tiny_steps: Demo) -> None:
    graph = quantize_graph(plan)
    make_products_float(graph)
    graph.recompile()
    for node in graph.graph.nodes:
        if node.target is PRODUCT_OPERATOR:
            assert DEQUANTIZE not in [operand.target for operand in node.all_input_nodes]
    layers_alone = simulate(plan, activations=set(plan.layers))
    with torch.no_grad():
        found = torch.cat([graph(image[None]) for image in tiny_steps.images[:8]])
        assert sqnr_db(layers_alone(tiny_steps.images[:8]), found) > SAME_DB


def test_a_graph_without_int8_products_is_left_alone(tiny_steps: Demo) -> None:
    before = [str(node) for node in tiny_steps.graph.graph.nodes]
    graph = deepcopy(tiny_steps.graph)
    make_products_float(graph)
    assert [str(node) for node in graph.graph.nodes] == before


def test_a_pattern_that_fits_no_attention_is_refused(tiny_steps: Demo) -> None:
    with pytest.raises(QuantizationError, match=r"'blocks\.1' fits no attention block\. There are blocks\.0, "):
        int8_attention_blocks(tiny_steps.deploy, Recipe(int8_attention=("blocks.1",)))


@pytest.mark.export
def test_the_files_compute_what_their_graphs_compute(plan: Plan, tiny_steps: Demo) -> None:
    exported = export_all(
        tiny_steps.deploy, plan, Stages(), Recipe(), lambda file, make: b"" if file.startswith("fp32") else make()
    )
    int8 = [each for each in exported if each.precision is Precision.INT8]
    check_exports(int8, np.ascontiguousarray(tiny_steps.images[:4].numpy()), Stages())
    sources = {each.runtime: each.source for each in int8}
    assert sources[Runtime.EXECUTORCH] is not sources[Runtime.ONNXRUNTIME]
