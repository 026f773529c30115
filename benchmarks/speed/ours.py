"""levit-edge's own files: calibrated once, exported for each runtime, scheme and target that takes part."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import torch
from torch import Tensor
from torch.fx import GraphModule

from benchmarks.speed.contender import Workshop
from levit_edge.bundle.recipe import OnnxAttention, Recipe, Scheme, Target
from levit_edge.model.deploy import DeployLeViT
from levit_edge.model.fuse import fuse
from levit_edge.quantize.export.executorch import EXPORTER as EXECUTORCH
from levit_edge.quantize.export.executorch import export_executorch
from levit_edge.quantize.export.float16 import float16_graph
from levit_edge.quantize.export.onnx import EXPORTER as ONNX
from levit_edge.quantize.export.onnx import export_onnx
from levit_edge.quantize.export.program import Exporter, export_program
from levit_edge.quantize.float16_bounds import check_onnx_float16
from levit_edge.quantize.float16_plan import plan_for_float16
from levit_edge.quantize.plan import Plan, make_plan
from levit_edge.quantize.quantizer import quantize_graph
from levit_edge.quantize.schemes.choice import layer_schemes
from levit_edge.system.host import source_digest
from levit_edge.system.progress import Advance, Stages

__all__ = ["fp32_onnx", "fp32_onnx_file", "fp32_pte", "int8_f16_pte", "int8_onnx", "int8_pte"]

BATCH = 8


class _Stored:
    """The workshop's images, as often as a step of quantization needs to see them."""

    def __init__(self, workshop: Workshop) -> None:
        self.images = torch.from_numpy(workshop.images())

    def __len__(self) -> int:
        return len(self.images)

    def tensors(self, advance: Advance) -> Iterator[Tensor]:
        """One pass: float32 (at most 8, 3, size, size)."""
        for batch in torch.split(self.images, BATCH):
            yield batch
            advance(len(batch))


def fp32_pte(workshop: Workshop, folder: Path) -> tuple[Path, str]:
    """The deploy form in ExecuTorch."""
    return _written(folder / "fp32.pte", export_executorch(export_program(_deploy(workshop), workshop.example())))


def fp32_onnx(workshop: Workshop, folder: Path) -> tuple[Path, str]:
    """The deploy form in ONNX."""
    return _written(folder / "fp32.onnx", fp32_onnx_file(workshop).read_bytes())


def int8_pte(workshop: Workshop, folder: Path, scheme: Scheme) -> tuple[Path, str]:
    """One scheme in ExecuTorch."""
    return _written(folder / "int8.pte", _int8(workshop, Recipe(scheme=scheme), EXECUTORCH))


def int8_f16_pte(workshop: Workshop, folder: Path) -> tuple[Path, str]:
    """The default scheme in ExecuTorch, with float16 between its int8 layers."""
    plan, recipe = plan_for_float16(_plan(workshop, Scheme.MIXED)), Recipe()
    graph = float16_graph(EXECUTORCH.prepared(quantize_graph(plan), plan, recipe))
    return _written(folder / "int8-f16.pte", export_executorch(export_program(graph, workshop.example())))


def int8_onnx(
    workshop: Workshop, folder: Path, scheme: Scheme, target: Target, attention: OnnxAttention
) -> tuple[Path, str]:
    """One scheme in ONNX, for one kind of processor, with one spelling of attention."""
    recipe = Recipe(scheme=scheme, target=target, onnx_attention=attention)
    return _written(folder / "int8.onnx", _int8(workshop, recipe, ONNX))


def fp32_onnx_file(workshop: Workshop) -> Path:
    """The deploy form's ONNX file, exported once by each code."""

    def export(target: Path) -> None:
        target.write_bytes(export_onnx(export_program(_deploy(workshop), workshop.example())))

    return workshop.once(f"ours-{source_digest()[:8]}.onnx", export)


@cache
def _deploy(workshop: Workshop) -> DeployLeViT:
    return fuse(workshop.read().model)


@cache
def _calibrated(workshop: Workshop) -> Plan:
    return make_plan(_deploy(workshop), _Stored(workshop), Recipe(), Stages())


def _plan(workshop: Workshop, scheme: Scheme) -> Plan:
    """The recipe of one scheme; ranges and weights are the same in every one."""
    return _calibrated(workshop).with_schemes(layer_schemes(_deploy(workshop), Recipe(scheme=scheme)))


@cache
def _graph(workshop: Workshop, scheme: Scheme) -> GraphModule:
    return quantize_graph(_plan(workshop, scheme))


def _int8(workshop: Workshop, recipe: Recipe, exporter: Exporter) -> bytes:
    """As `quantize` exports it."""
    plan = _plan(workshop, recipe.scheme)
    if recipe.stem_in_float16:
        check_onnx_float16(plan)
    graph = exporter.prepared(_graph(workshop, recipe.scheme), plan, recipe)
    return exporter.export(export_program(graph, workshop.example()), recipe)


def _written(target: Path, content: bytes) -> tuple[Path, str]:
    target.write_bytes(content)
    return target, ""
