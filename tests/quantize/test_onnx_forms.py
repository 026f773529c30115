"""The forms that the ONNX files take: what ONNX Runtime makes of them, and that they compute the same."""

import tempfile

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch.fx import GraphModule

from levit_edge.bundle.kinds import Runtime
from levit_edge.bundle.recipe import LayerScheme, OnnxAttention, Recipe, Scheme, Target, WeightRounding
from levit_edge.device.engines import open_onnxruntime
from levit_edge.device.oldest import oldest_onnxruntime
from levit_edge.device.profile import _read
from levit_edge.model.deploy import ChannelScale
from levit_edge.quantize.export.onnx import export_onnx, onnx_graph
from levit_edge.quantize.export.program import export_program
from levit_edge.quantize.quantizer import quantize_graph
from levit_edge.quantize.schemes import quantizable_layers
from levit_edge.runtime.inspect.blocks import Blocks, block_names
from levit_edge.runtime.inspect.onnxruntime import inspect_onnxruntime
from levit_edge.runtime.runner import open_runner
from tests.faults.tiny_levit import TINY
from tests.quantize.conftest import Demo, plan_of

pytestmark = pytest.mark.export
TOLERANCE = 1e-5
"""Of the largest logit: the fused attention sums in another order."""
INT8_TOLERANCE = 0.05
"""Other float rounding moves single int8 steps."""
STEM_TOLERANCE, HALF_STEM_TOLERANCE = 1e-4, 0.1
"""Of what images differ by, a sixtieth of the largest value: float32 and float16. Seen: 1e-5 and 0.04."""
Floats = NDArray[np.float32]
Files = dict[tuple[Scheme, OnnxAttention], bytes]


@pytest.fixture(scope="module")
def files(tiny_steps: Demo) -> Files:
    made: Files = {}
    for scheme in (Scheme.STATIC, Scheme.MIXED):
        program = torch.export.export(
            onnx_graph(tiny_steps.graph, scheme, tiny_steps.deploy),
            (torch.zeros(1, 3, TINY.image_size, TINY.image_size),),
            strict=True,
        )
        made |= {(scheme, form): export_onnx(program, Target.X86_64, form) for form in OnnxAttention}
    return made


@pytest.fixture(scope="module")
def fp32(tiny_steps: Demo) -> dict[OnnxAttention, bytes]:
    image = torch.zeros(1, 3, TINY.image_size, TINY.image_size)
    program = torch.export.export(tiny_steps.deploy, (image,), strict=True)
    return {form: export_onnx(program, attention=form) for form in OnnxAttention}


@pytest.mark.parametrize("scheme", [Scheme.STATIC, Scheme.MIXED, None])
@pytest.mark.parametrize("attention", OnnxAttention)
def test_every_operator_finds_its_block(
    files: Files, fp32: dict[OnnxAttention, bytes], scheme: Scheme | None, attention: OnnxAttention
) -> None:
    """Those that onnxruntime executes: the blocks begin in order; attention and the mean are in their own."""
    model = fp32[attention] if scheme is None else files[scheme, attention]
    blocks = Blocks.of(model, TINY)
    assert blocks is not None
    executed = executed_operators(model)
    found = blocks.of_executed(executed)
    assert list(dict.fromkeys(found)) == list(dict.fromkeys(block_names(TINY)))
    by_operator: dict[str, set[str]] = {}
    for (_, operator), block in zip(executed, found, strict=True):
        by_operator.setdefault(operator, set()).add(block)
    attentions = {block for block in found if "attention" in block}
    assert by_operator["Softmax" if attention is OnnxAttention.PLAIN else "Attention"] == attentions
    assert by_operator["ReduceMean"] == {"head"}


def executed_operators(model: bytes) -> list[tuple[str, str]]:
    """Name and operator, by onnxruntime's profiler."""
    with tempfile.TemporaryDirectory() as folder:
        session = open_onnxruntime(model, 1, f"{folder}/profile")
        session.run(None, {"image": np.zeros((1, 3, TINY.image_size, TINY.image_size), np.float32)})
        (run,) = _read(session.end_profiling(), folder)
    return [(name, operator) for name, operator, _ in run]


def test_every_linear_runs_in_int8_and_gives_float(files: Files, tiny_steps: Demo) -> None:
    linears = sum(isinstance(layer, torch.nn.Linear) for layer in quantizable_layers(tiny_steps.deploy).values())
    dynamic = inspect_onnxruntime(files[Scheme.MIXED, OnnxAttention.PLAIN])
    kernels = ("MatMulIntegerToFloat", "DynamicQuantizeMatMul")
    assert sum(dynamic.int8_operators.get(kernel, 0) for kernel in kernels) == linears + 2, "and two strided q"
    assert "Gemm" not in dynamic.float_operators
    written = onnx.load_model_from_string(files[Scheme.STATIC, OnnxAttention.PLAIN])
    producers = {name: node for node in written.graph.node for name in node.output}
    gemms = [node for node in written.graph.node if node.op_type == "Gemm"]
    assert len(gemms) == linears
    assert all(producers[name].op_type == "DequantizeLinear" for node in gemms for name in node.input)


def test_fused_attention_computes_the_same(files: Files, fp32: dict[OnnxAttention, bytes], tiny_steps: Demo) -> None:
    int8 = [files[Scheme.MIXED, form] for form in OnnxAttention]
    for (plain, fused), tolerance in ((fp32.values(), TOLERANCE), (int8, INT8_TOLERANCE)):
        operators = [node.op_type for node in onnx.load_model_from_string(fused).graph.node]
        assert operators.count("Attention") == [n.op_type for n in onnx.load_model_from_string(plain).graph.node].count(
            "Softmax"
        )
        assert "Softmax" not in operators
        expected, found = (_logits(model, tiny_steps.images.numpy()[:4]) for model in (plain, fused))
        assert np.abs(expected - found).max() < tolerance * np.abs(expected).max()


def _logits(model: bytes, images: Floats) -> Floats:
    runner = open_runner(Runtime.ONNXRUNTIME, model)
    return np.stack([runner.run(image[np.newaxis]) for image in images])


def test_files_ask_for_the_lowest_ir_version_of_their_operator_set(
    files: Files, fp32: dict[OnnxAttention, bytes]
) -> None:
    """By onnx's table of releases: 1.13 has operator set 18 and IR version 8, 1.18 has 23 and 11."""
    for form, model in (*fp32.items(), *((form, model) for (_, form), model in files.items())):
        written = onnx.load_model_from_string(model)
        (imported,) = written.opset_import
        expected = (8, 18) if form is OnnxAttention.PLAIN else (11, 23)
        assert (written.ir_version, imported.version) == expected


def test_which_onnxruntime_a_file_needs_is_known(files: Files, fp32: dict[OnnxAttention, bytes]) -> None:
    """The stem of both int8 graphs is static here."""
    int8 = {OnnxAttention.PLAIN: "1.15.0", OnnxAttention.FUSED: "1.24.1"}
    assert {key: oldest_onnxruntime(model) for key, model in files.items()} == {key: int8[key[1]] for key in files}
    found = [oldest_onnxruntime(fp32[form]) for form in (OnnxAttention.PLAIN, OnnxAttention.FUSED)]
    assert found == ["1.15.0", "1.23.0"]


STEMS = {"in float32": (False, False), "in phases": (True, False), "in phases and float16": (True, True)}


@pytest.fixture(scope="module")
def stems(tiny_steps: Demo) -> dict[str, tuple[torch.nn.Module, bytes]]:
    """Graph and file of a dynamic stem."""
    layers = [name for name in tiny_steps.plan.layers if name.startswith("stem.")]
    graph = quantize_graph(tiny_steps.plan.with_schemes(dict.fromkeys(layers, LayerScheme.DYNAMIC)))
    image = torch.zeros(1, 3, TINY.image_size, TINY.image_size)
    forms = {
        name: onnx_graph(graph, Scheme.MIXED, tiny_steps.deploy, phases=phases, half=half)
        for name, (phases, half) in STEMS.items()
    }
    return {name: (form, export_onnx(export_program(form, image))) for name, form in forms.items()}


def _stem_weights(model: bytes, operator: str) -> list[Floats]:
    written = onnx.load_model_from_string(model).graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in written.initializer}
    nodes = [node for node in written.node if node.op_type == operator]
    return [constants[name] for node in nodes for name in node.input if name in constants]


def test_the_stem_is_in_float32_with_the_weights_that_were_trained(
    stems: dict[str, tuple[torch.nn.Module, bytes]], tiny_steps: Demo
) -> None:
    """So that all versions of ONNX Runtime give the same bits: those before 1.23 have other kernels for float16."""
    layers = [layer for layer in tiny_steps.deploy.stem if isinstance(layer, torch.nn.Conv2d)]
    trained = [each.detach().numpy() for layer in layers for each in (layer.weight, layer.get_parameter("bias"))]
    found = _stem_weights(stems["in float32"][1], "Conv")
    assert all(np.array_equal(*pair) for pair in zip(found, trained, strict=True))


@pytest.mark.parametrize("name", ["in phases", "in phases and float16"])
def test_for_arm_two_convolutions_are_products_of_planes(
    stems: dict[str, tuple[torch.nn.Module, bytes]], tiny_steps: Demo, name: str
) -> None:
    model = stems[name][1]
    kind = np.dtype(np.float16 if STEMS[name][1] else np.float32)
    weights = _stem_weights(model, "MatMul")
    first, second = [layer for layer in tiny_steps.deploy.stem if isinstance(layer, torch.nn.Conv2d)][:2]
    rows = [9 * layer.in_channels + 1 for layer in (first, second)]
    assert [each.shape for each in weights] == [(4, first.out_channels, rows[0]), (second.out_channels, rows[1])]
    assert [each.dtype for each in weights] == [kind] * 2
    assert [each.dtype for each in _stem_weights(model, "Conv")] == [kind] * 4
    assert len([node for node in onnx.load_model_from_string(model).graph.node if node.op_type == "Slice"]) == 4


def test_all_forms_of_an_equalized_stem_compute_what_its_plan_does(tiny_steps: Demo) -> None:
    plan = plan_of(tiny_steps.deploy, tiny_steps.images, Recipe(weight_rounding=WeightRounding.NEAREST))
    assert any(isinstance(module, ChannelScale) for module in plan.deploy.stem)
    graph, images = quantize_graph(plan), tiny_steps.images[:4]
    with torch.no_grad():
        expected = plan.deploy.stem(images)
        for name, (phases, half) in STEMS.items():
            stem = _stem_alone(onnx_graph(graph, Scheme.MIXED, plan.deploy, phases=phases, half=half))
            found = torch.cat([stem(image[None]) for image in images])
            error = (found - expected).abs().max() / (expected - expected.mean(0)).abs().max()
            assert error < (HALF_STEM_TOLERANCE if half else STEM_TOLERANCE), name
            assert (error > STEM_TOLERANCE) == half, name


def _stem_alone(form: GraphModule) -> GraphModule:
    """A graph that ends where its image is made tokens."""
    output = form.graph.output_node()
    tokens = form.graph.find_nodes(op="call_function", target=torch.ops.aten.permute.default)[0]
    output.replace_input_with(output.all_input_nodes[0], tokens.all_input_nodes[0])
    form.graph.eliminate_dead_code()
    form.recompile()
    return form


@pytest.mark.parametrize("name", STEMS)
def test_a_dynamic_stem_computes_what_its_graph_does(
    stems: dict[str, tuple[torch.nn.Module, bytes]], tiny_steps: Demo, name: str
) -> None:
    graph, model = stems[name]
    images = tiny_steps.images[:4]
    with torch.no_grad():
        expected = torch.cat([graph(image[None]) for image in images]).numpy()
    assert np.abs(expected - _logits(model, images.numpy())).max() < INT8_TOLERANCE * np.abs(expected).max()
    assert oldest_onnxruntime(model) == "1.15.0"
