"""The exported files, and the check that stands between them and a bundle."""

import gc
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pytest
import torch
from torch.export import ExportedProgram

from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.recipe import Recipe, Scheme, Target
from levit_edge.errors import QuantizationError
from levit_edge.model.deploy import DeployLeViT
from levit_edge.quantize.artifacts import Exported, check_exports, export_all, export_fp32
from levit_edge.quantize.export.onnx import export_onnx
from levit_edge.quantize.schemes import quantizable_layers
from levit_edge.runtime.inspect.onnx import inspect_onnx
from levit_edge.system.progress import Stages
from tests.faults.tiny_levit import TINY
from tests.quantize.conftest import STATIC, Demo, plan_of

pytestmark = pytest.mark.export
LEAST_SQNR_DB = 25.0
"""Of a file against its graph, both int8: they differ by single steps. Something else computed gives about 0."""


SIZE = TINY.image_size


@pytest.fixture(scope="module")
def dead(tiny_steps: Demo) -> DeployLeViT:
    """Zero and almost zero weights, as batch norms with weight 0 give, in each kind of block."""
    dead = deepcopy(tiny_steps.deploy)
    with torch.no_grad():
        for name in ("blocks.0.proj", "blocks.3.up", "blocks.4.v"):
            dead.get_parameter(f"{name}.weight").zero_()
            dead.get_parameter(f"{name}.bias").zero_()
        dead.get_parameter("blocks.1.down.weight")[::2] *= 1e-25
        dead.get_parameter("blocks.1.down.bias")[::2] = 0
    return dead


@dataclass(frozen=True, kw_only=True)
class Shared:
    """The files that recipes have in common."""

    fp32: dict[str, bytes]
    remaining: set[int]
    """Exported programs that somebody still held afterwards, and not before."""
    by_scheme: dict[Scheme, bytes] = field(default_factory=dict)
    """`int8.pte`: of the recipes here it differs in nothing else."""

    def recalled(self, recipe: Recipe, file: str, make: Callable[[], bytes]) -> bytes:
        if file in self.fp32:
            return self.fp32[file]
        if file != "int8.pte":
            return make()
        if recipe.scheme not in self.by_scheme:
            self.by_scheme[recipe.scheme] = make()
        return self.by_scheme[recipe.scheme]


@pytest.fixture(scope="module")
def shared_files(dead: DeployLeViT) -> Shared:
    before = programs()
    exported = export_fp32(dead, Stages(), Recipe())
    return Shared(fp32={each.file: each.model for each in exported}, remaining=programs() - before)


def programs() -> set[int]:
    """The exported programs that somebody holds."""
    gc.collect()
    return {id(each) for each in gc.get_objects() if type(each) is ExportedProgram}  # isinstance wakes lazy objects


def test_no_program_outlives_its_export(shared_files: Shared) -> None:
    """torch and ExecuTorch would keep each in caches, with its weights: four times the size of a large network."""
    assert shared_files.fp32.keys() == {"fp32.pte", "fp32.onnx"}
    assert not shared_files.remaining


@pytest.mark.parametrize(
    "recipe",
    [STATIC, Recipe(), Recipe(scheme=Scheme.DYNAMIC, float16=False), Recipe(target=Target.ARM64, float16=False)],
    ids=["plain", "default", "dynamic", "arm64"],
)
def test_a_network_with_dead_layers_runs_in_both_runtimes(
    tiny_steps: Demo, dead: DeployLeViT, shared_files: Shared, recipe: Recipe
) -> None:
    """Dead layers must not end in scales that runtimes refuse."""
    plan = plan_of(dead, tiny_steps.images, recipe)
    golden = tiny_steps.images[:3].numpy()
    exported = export_all(dead, plan, Stages(), recipe, partial(shared_files.recalled, recipe))
    with_float16 = {"int8-f16.pte"} if recipe.float16 else set()
    assert {each.file for each in exported} == {"fp32.pte", "fp32.onnx", "int8.pte", "int8.onnx", *with_float16}
    facts = inspect_onnx(next(each.model for each in exported if each.file == "int8.onnx"))
    linears = (
        0 if recipe.scheme is Scheme.STATIC else sum(not name.startswith("stem") for name in quantizable_layers(dead))
    )
    assert facts.int8_operators.get("MatMulInteger", 0) == linears
    assert (facts.conversions.get("DynamicQuantizeLinear", 0) > 0) == (linears > 0)
    for checked in check_exports(exported, golden, Stages()):
        sqnr_db = checked.artifact.graph_sqnr_db
        assert sqnr_db is None or sqnr_db > LEAST_SQNR_DB, checked.artifact.file
        assert checked.logits.std() > 0


def test_a_file_that_computes_something_else_is_refused(tiny_steps: Demo) -> None:
    other = deepcopy(tiny_steps.deploy)
    with torch.no_grad():
        other.head.weight.mul_(1.01)
    model = export_onnx(torch.export.export(other, (torch.zeros(1, 3, SIZE, SIZE),), strict=True))
    exported = [Exported(runtime=Runtime.ONNXRUNTIME, precision=Precision.FP32, model=model, source=tiny_steps.deploy)]
    golden = np.ascontiguousarray(tiny_steps.images[:2].numpy())
    with pytest.raises(QuantizationError, match=r"fp32.onnx does not compute in onnxruntime what the graph computes"):
        check_exports(exported, golden, Stages())


def test_an_int8_file_that_gives_zeros_is_refused(tiny_steps: Demo) -> None:
    """Zeros are 0 dB exactly; a runtime has been seen to give them for a degenerate network."""
    zeros = deepcopy(tiny_steps.deploy)
    with torch.no_grad():
        zeros.get_parameter("head.weight").zero_()
        zeros.get_parameter("head.bias").zero_()
    model = export_onnx(torch.export.export(zeros, (torch.zeros(1, 3, SIZE, SIZE),), strict=True))
    exported = [Exported(runtime=Runtime.ONNXRUNTIME, precision=Precision.INT8, model=model, source=tiny_steps.graph)]
    with pytest.raises(QuantizationError, match=r"int8.onnx does not compute in onnxruntime what the graph computes"):
        check_exports(exported, tiny_steps.images[:2].numpy(), Stages())


@pytest.mark.usefixtures("no_float16")
def test_the_golden_answer_of_a_file_that_cannot_run_here_is_the_graphs(tiny_steps: Demo) -> None:
    images = tiny_steps.images[:2]
    half = Exported(
        runtime=Runtime.EXECUTORCH, precision=Precision.INT8_FLOAT16, model=b"not run", source=tiny_steps.graph
    )
    (checked,) = check_exports([half], images.numpy(), Stages())
    with torch.no_grad():
        expected = torch.cat([tiny_steps.graph(image[None]) for image in images]).numpy()
    np.testing.assert_array_equal(checked.logits, expected)
    assert (checked.artifact.file, checked.artifact.graph_sqnr_db) == ("int8-f16.pte", None)


def test_an_export_is_the_same_every_time(tiny_steps: Demo) -> None:
    program = torch.export.export(tiny_steps.deploy, (torch.zeros(1, 3, SIZE, SIZE),), strict=True)
    assert export_onnx(program) == export_onnx(program)
