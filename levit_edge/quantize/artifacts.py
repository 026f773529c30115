"""The model files, and the check that each computes what the graph that it came from computes."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.export import ExportedProgram
from torch.fx import GraphModule

from levit_edge.bundle.kinds import Precision, Runtime, named
from levit_edge.bundle.manifest import Artifact
from levit_edge.bundle.recipe import Recipe
from levit_edge.data.preprocess import Preprocessing
from levit_edge.errors import QuantizationError
from levit_edge.model.deploy import DeployLeViT
from levit_edge.quantize.export.caches import forget_programs
from levit_edge.quantize.export.program import Exporter, export_program
from levit_edge.quantize.export.torch_shortcuts import known_operators
from levit_edge.quantize.float16_bounds import check_onnx_float16, fit_float16
from levit_edge.quantize.float16_plan import with_float16_choices
from levit_edge.quantize.plan import Plan
from levit_edge.quantize.quantizer import quantize_graph
from levit_edge.runtime.evaluation.comparison import Comparison
from levit_edge.runtime.runner import open_runner, refusal_here
from levit_edge.system.memory import give_back_freed, old_objects_left_alone
from levit_edge.system.progress import Stages

__all__ = ["FP32_TOLERANCE", "Exported", "check_exports", "export_all", "export_fp32"]

Floats = NDArray[np.float32]
Recalled = Callable[[str, Callable[[], bytes]], bytes]
"""(name of the file, how to make its bytes) -> its bytes."""
FP32_TOLERANCE = 1e-3
"""Largest accepted max |Δlogit| / max |logit| of an fp32 file against the deploy form; measured: about 1e-6."""
INT8_LEAST_SQNR_DB = 10.0
"""Least accepted SQNR of an int8 file against its graph. Measured on the LeViT-128S stand-in: 38 dB; a runtime that
computes something else gives about 0. In between lie networks that amplify single steps: not the runtime's fault."""


@dataclass(frozen=True, kw_only=True)
class Exported:
    """One model file before it is in a bundle."""

    runtime: Runtime
    precision: Precision
    model: bytes
    source: nn.Module
    """Computes the same, but for float16: there it is the graph whose float32 became that."""

    @property
    def file(self) -> str:
        """Its name in the bundle, such as `int8.pte`."""
        return f"{self.precision}{self.runtime.entry.suffix}"


def anew(_file: str, make: Callable[[], bytes]) -> bytes:
    """Recall nothing."""
    return make()


def export_all(
    deploy: DeployLeViT,
    plan: Plan,
    stages: Stages,
    recipe: Recipe,
    recalled: Recalled = anew,
    *,
    preprocessing: Preprocessing | None = None,
) -> list[Exported]:
    """All files: those of `export_fp32`, and those of the `plan` that `recipe` made.

    `preprocessing` makes the images, and so says how large their values can be; see `fit_float16`.

    Raises:
        QuantizationError: something of the plan cannot be in float16, where the recipe wants that.
    """
    fitted = fit_float16(with_float16_choices(plan), preprocessing) if recipe.float16 else None
    if recipe.stem_in_float16:
        check_onnx_float16(plan, preprocessing)
    with stages.stage("quantize"):
        quantized = _quantized(plan, fitted, recipe)
    _let_go()
    size = deploy.config.image_size
    exported = export_fp32(deploy, stages, recipe, recalled)
    for precision, sources in quantized.items():
        exported += _export(precision, sources, size, stages, recipe, recalled)
    return exported


def _let_go() -> None:
    """Of what nobody needs any more: networks of tens of millions of weights are in memory several times."""
    forget_programs()
    give_back_freed()


def _quantized(plan: Plan, fitted: Plan | None, recipe: Recipe) -> dict[Precision, dict[Runtime, GraphModule]]:
    """What int8 files compute; and of a plan that is `fitted` to float16, what those with it are made of later."""
    exporters = {runtime: _exporter(runtime) for runtime in Runtime}
    graph = quantize_graph(plan)
    sources = {Precision.INT8: {runtime: each.prepared(graph, plan, recipe) for runtime, each in exporters.items()}}
    if fitted:
        graph = quantize_graph(fitted)
        sources[Precision.INT8_FLOAT16] = {
            runtime: each.prepared(graph, fitted, recipe) for runtime, each in exporters.items() if each.float16
        }
    return sources


def export_fp32(deploy: DeployLeViT, stages: Stages, recipe: Recipe, recalled: Recalled = anew) -> list[Exported]:
    """Export the deploy form for every runtime.

    `recalled` gives each file's bytes by its name: those of an interrupted run, or it makes them.
    """
    return _export(Precision.FP32, dict.fromkeys(Runtime, deploy), deploy.config.image_size, stages, recipe, recalled)


def _export(
    precision: Precision,
    sources: Mapping[Runtime, nn.Module],
    image_size: int,
    stages: Stages,
    recipe: Recipe,
    recalled: Recalled,
) -> list[Exported]:
    """A network is captured once for all runtimes that take it in the same form."""
    example = torch.zeros(1, 3, image_size, image_size)
    captured: dict[nn.Module, ExportedProgram] = {}

    def export(file: str, runtime: Runtime, source: nn.Module) -> bytes:
        with stages.stage(f"export {file}"), torch.no_grad(), known_operators():
            exporter = _exporter(runtime)
            if precision is Precision.INT8_FLOAT16 and exporter.float16 and isinstance(source, GraphModule):
                return exporter.export(export_program(exporter.float16(source), example), recipe)
            if source not in captured:
                captured[source] = export_program(source, example)
            return exporter.export(captured[source], recipe)

    def export_alone(file: str, runtime: Runtime, source: nn.Module) -> bytes:
        try:
            return export(file, runtime, source)
        finally:
            _let_go()

    exported = []
    with old_objects_left_alone():
        for runtime, source in sources.items():
            file = f"{precision}{runtime.entry.suffix}"
            model = recalled(file, partial(export_alone, file, runtime, source))
            exported.append(Exported(runtime=runtime, precision=precision, model=model, source=source))
    return exported


def _exporter(runtime: Runtime) -> Exporter:
    exporter: Exporter = named("levit_edge.quantize.export", runtime.entry.exporter)
    return exporter


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A model file that computes what it was exported from, and what it gave for the golden images."""

    artifact: Artifact
    model: bytes
    logits: Floats
    """(N, classes)."""


def check_exports(exported: Sequence[Exported], golden: Floats, stages: Stages) -> tuple[Checked, ...]:
    """Run every file in its runtime on the `golden` images (N, 3, size, size) and compare with its source.

    Of a file that this processor cannot run the golden answer is the source's.

    Raises:
        QuantizationError: a runtime computes something else than the source.
    """
    with stages.stage("check exports"), torch.no_grad():
        images = torch.split(torch.from_numpy(golden), 1)
        expected = {
            source: torch.cat([source(image) for image in images]).numpy()
            for source in {each.source for each in exported}
        }
        return tuple(_checked(each, expected[each.source], golden) for each in exported)


def _checked(exported: Exported, expected: Floats, golden: Floats) -> Checked:
    logits = _logits(exported, golden) if refusal_here(exported.file, exported.precision) is None else expected
    artifact = Artifact(
        file=exported.file,
        runtime=exported.runtime,
        precision=exported.precision,
        size_bytes=len(exported.model),
        sha256=hashlib.sha256(exported.model).hexdigest(),
        graph_sqnr_db=_sqnr_db(exported, expected, logits),
    )
    return Checked(artifact=artifact, model=exported.model, logits=logits)


def _logits(exported: Exported, images: Floats) -> Floats:
    runner = open_runner(exported.runtime, exported.model)
    return np.stack([runner.run(image[np.newaxis]) for image in images])


def _sqnr_db(exported: Exported, expected: Floats, found: Floats) -> float | None:
    """Against the graph it came from; None when equal."""
    comparison = Comparison()
    for reference, logits in zip(expected, found, strict=True):
        comparison.add(reference, logits)
    error = float(np.abs(found - expected).max() / np.abs(expected).max())
    sqnr_db = comparison.sqnr_db
    too_noisy = sqnr_db is not None and sqnr_db < INT8_LEAST_SQNR_DB
    wrong = error > FP32_TOLERANCE if exported.precision is Precision.FP32 else too_noisy
    if wrong or not np.isfinite(found).all():
        raise QuantizationError(
            f"{exported.file} does not compute in {exported.runtime} what the graph computes: logits differ by"
            f" {error:.1e} of the largest (SQNR {sqnr_db} dB). Install the versions of levit-edge[quantize]; if they"
            " are installed, please report it."
        )
    return sqnr_db
