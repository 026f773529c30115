"""The int8 file with a float16 core: one delegate, as exact as the one with float32, and no float32 left inside."""

from collections.abc import Callable
from copy import deepcopy

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.export import ExportedProgram
from torch.fx import GraphModule

from levit_edge.bundle.kinds import Precision
from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.recipe import EVERY_LAYER, LayerScheme, Recipe
from levit_edge.errors import QuantizationError
from levit_edge.model.deploy import DeployLeViT
from levit_edge.quantize.artifacts import export_all
from levit_edge.quantize.export.executorch import EXPORTER, export_executorch
from levit_edge.quantize.export.float16 import float16_graph
from levit_edge.quantize.export.program import export_program
from levit_edge.quantize.plan import Plan
from levit_edge.quantize.quantizer import quantize_graph
from levit_edge.runtime.executorch_runner import ExecuTorchRunner
from levit_edge.system.progress import Stages
from tests.conftest import Made
from tests.faults.tiny_levit import TINY
from tests.quantize.conftest import Demo, plan_of
from tests.quantize.test_float16_bounds import with_large_scores

pytestmark = pytest.mark.export
NEAR_DB = 0.5
"""What float16 may cost of the logits' SQNR against fp32."""
SAME_DB = 28.0
"""Of a file against its graph, both int8: they differ by single steps."""
Floats = NDArray[np.float32]
EXAMPLE = torch.zeros(1, 3, TINY.image_size, TINY.image_size)


@pytest.fixture(scope="module")
def tiny_plan(tiny_steps: Demo) -> Plan:
    return plan_of(tiny_steps.deploy, tiny_steps.images, Recipe())


def sqnr_db(expected: Floats, found: Floats) -> float:
    return float(10 * np.log10(np.square(expected).sum() / np.square(expected - found).sum()))


def logits_of(model: bytes, images: Floats) -> Floats:
    runner = ExecuTorchRunner(model)
    return np.stack([runner.run(image[np.newaxis]) for image in images])


def prepared(plan: Plan) -> GraphModule:
    """What `int8.pte` is exported from."""
    return EXPORTER.prepared(quantize_graph(plan), plan, Recipe())


def in_float16(plan: Plan) -> GraphModule:
    """What `int8-f16.pte` is exported from."""
    return float16_graph(prepared(plan))


def halved(plan: Plan) -> ExportedProgram:
    return export_program(in_float16(plan), EXAMPLE)


def test_both_files_are_made_and_are_equally_exact(demo_bundle: Made, demo_steps: Demo) -> None:
    """As `quantize` makes them by default."""
    bundle = Bundle.open(demo_bundle[0])
    checked = {each.file: each for each in bundle.manifest.artifacts}
    assert [*checked] == ["fp32.pte", "fp32.onnx", "int8.pte", "int8.onnx", "int8-f16.pte"]
    assert checked["int8-f16.pte"].precision is Precision.INT8_FLOAT16
    assert (checked["int8-f16.pte"].graph_sqnr_db or 0) > SAME_DB
    images = demo_steps.images.numpy()
    with torch.no_grad():
        expected = demo_steps.deploy(demo_steps.images).numpy()
    half, whole = (bundle.read(name) for name in ("int8-f16.pte", "int8.pte"))
    assert sqnr_db(expected, logits_of(half, images)) > sqnr_db(expected, logits_of(whole, images)) - NEAR_DB
    deploy = plan_of(demo_steps.deploy, demo_steps.images, Recipe()).deploy
    biases = sum(buffer.nbytes for name, buffer in deploy.named_buffers() if name.endswith(".bias") or "scale" in name)
    saved = len(whole) - len(half)
    assert saved == pytest.approx(biases / 2, rel=0.05), "float32 copies of what is in float16 stayed in the file"


def test_the_other_file_stays_byte_for_byte_what_it_was(tiny_plan: Plan) -> None:
    """This one is made of a copy, and what lets ExecuTorch write it is gone afterwards."""
    graph = prepared(tiny_plan)
    before = export_executorch(export_program(graph, EXAMPLE))
    export_executorch(export_program(float16_graph(graph), EXAMPLE))
    assert export_executorch(export_program(graph, EXAMPLE)) == before


def test_constants_that_nothing_reads_stay_in_neither_module(tiny_plan: Plan) -> None:
    """They would be in the file."""
    for graph in (prepared(tiny_plan), in_float16(tiny_plan)):
        read = {str(node.target) for node in graph.graph.nodes if node.op == "get_attr"}
        assert {name for name, _ in (*graph.named_buffers(), *graph.named_parameters())} == read


def test_only_the_image_and_the_head_are_in_float32(tiny_plan: Plan) -> None:
    in_float32 = [
        str(node.target)
        for node in halved(tiny_plan).graph.nodes
        if node.op == "call_function"
        and isinstance(value := node.meta["val"], torch.Tensor)
        and value.dtype is torch.float32
    ]
    assert in_float32 == [
        "quantized_decomposed.dequantize_per_channel.default",
        "aten._to_copy.default",
        "quantized_decomposed.dequantize_per_tensor.tensor",
        "aten.linear.default",
    ]


@pytest.mark.parametrize(
    "changed",
    [
        dict.fromkeys(("stem.conv1", "stem.conv2", "stem.conv3", "stem.conv4", "head"), LayerScheme.STATIC),
        {"stem.conv1": LayerScheme.FLOAT, "blocks.3.up": LayerScheme.FLOAT, "head": LayerScheme.FLOAT},
        {"blocks.0.k": LayerScheme.DYNAMIC, "blocks.4.proj": LayerScheme.DYNAMIC, "blocks.5.up": LayerScheme.DYNAMIC},
    ],
    ids=["static", "float", "dynamic"],
)
def test_layers_of_every_scheme(tiny_plan: Plan, tiny_steps: Demo, changed: dict[str, LayerScheme]) -> None:
    graph = in_float16(tiny_plan.with_schemes(changed))
    images = tiny_steps.images[:4]
    with torch.no_grad():
        expected = torch.cat([graph(image[None]) for image in images]).numpy()
    assert expected.dtype == np.float32
    model = export_executorch(export_program(graph, EXAMPLE))
    assert sqnr_db(expected, logits_of(model, images.numpy())) > SAME_DB


@pytest.fixture(scope="module")
def large_scores(tiny_steps: Demo) -> DeployLeViT:
    """Up to 32 times what float16 can hold."""
    return with_large_scores(tiny_steps.deploy, 300.0)


@pytest.mark.parametrize(
    "recipe",
    [Recipe(), Recipe(int8_attention=("blocks.0",)), Recipe(dynamic_layers=(EVERY_LAYER,))],
    ids=["float", "int8", "dynamic"],
)
def test_scores_that_float16_cannot_hold_are_computed_all_the_same(
    large_scores: DeployLeViT, tiny_steps: Demo, recipe: Recipe
) -> None:
    """As exact as with float32 (without division 26 dB less), and finite on images beyond all that was seen."""
    images = tiny_steps.images
    made = export_all(large_scores, plan_of(large_scores, images, recipe), Stages(), recipe, that_alone)
    files, sources = ({each.file: getattr(each, part) for each in made} for part in ("model", "source"))
    assert sources["int8-f16.pte"] is not sources["int8.pte"]
    with torch.no_grad():
        expected = large_scores(images).numpy()
        in_float32 = torch.cat([sources["int8.pte"](image[None]) for image in images]).numpy()
    assert sqnr_db(expected, logits_of(files["int8-f16.pte"], images.numpy())) > sqnr_db(expected, in_float32) - NEAR_DB
    assert np.isfinite(logits_of(files["int8-f16.pte"], 30 * images[:4].numpy())).all()


def that_alone(file: str, make: Callable[[], bytes]) -> bytes:
    """Of all files that with float16: of the others what they are made of is looked at, or nothing."""
    return make() if file == "int8-f16.pte" else b""


def test_int8_products_stay_int8(tiny_steps: Demo) -> None:
    plan = plan_of(tiny_steps.deploy, tiny_steps.images, Recipe(int8_attention=("blocks.0",)))
    graph = in_float16(plan)
    images = tiny_steps.images[:4]
    with torch.no_grad():
        expected = torch.cat([graph(image[None]) for image in images]).numpy()
    model = export_executorch(export_program(graph, EXAMPLE))
    assert sqnr_db(expected, logits_of(model, images.numpy())) > SAME_DB


def test_a_head_without_its_cast_is_never_exported(tiny_plan: Plan) -> None:
    graph = in_float16(tiny_plan)
    _image, cast = graph.graph.find_nodes(op="call_function", target=torch.ops.aten._to_copy.default)
    cast.replace_all_uses_with(cast.all_input_nodes[0])
    graph.graph.eliminate_dead_code()
    graph.recompile()
    with pytest.raises(QuantizationError, match="takes its range from float16 and gives float32"):
        export_executorch(export_program(graph, EXAMPLE))


def test_what_does_not_fit_is_refused_before_anything_is_exported(tiny_steps: Demo) -> None:
    other = deepcopy(tiny_steps.deploy)
    with torch.no_grad():
        other.get_parameter("blocks.2.v.weight").mul_(1e6)
    plan, stages = plan_of(other, tiny_steps.images, Recipe()), Stages()
    with pytest.raises(QuantizationError, match=r"^blocks\.2\.v: .*--no-float16"):
        export_all(other, plan, stages, Recipe())
    assert not stages.records
