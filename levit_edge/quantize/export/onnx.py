"""Graph -> self-contained ONNX file: QuantizeLinear/DequantizeLinear around float operators, as runtimes fuse them."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import onnx
import torch
from torch import nn
from torch.export import ExportedProgram
from torch.fx import GraphModule

from levit_edge.bundle.recipe import OnnxAttention, Recipe, Scheme, Target
from levit_edge.errors import QuantizationError
from levit_edge.quantize.export.graphs import copied
from levit_edge.quantize.export.onnx_attention import fuse_attention
from levit_edge.quantize.export.onnx_biases import make_biases_int32
from levit_edge.quantize.export.onnx_dynamic import TRANSLATIONS, make_linears_dynamic, translate_dynamic_layers
from levit_edge.quantize.export.onnx_float import make_outputs_float, make_products_float
from levit_edge.quantize.export.onnx_phases import convolve_in_phases
from levit_edge.quantize.export.onnx_slices import merge_slices
from levit_edge.quantize.export.onnx_unsigned import make_activations_unsigned
from levit_edge.quantize.export.program import Exporter
from levit_edge.quantize.export.torch_shortcuts import known_operators, known_translations
from levit_edge.quantize.plan import Plan

__all__ = ["EXPORTER", "INPUT_NAME", "OPSET", "OUTPUT_NAME", "export_onnx", "onnx_graph"]

OPSET = 18
"""The exporter's own opset; the oldest with every operator used (HardSwish 14, per-channel QuantizeLinear 13)."""
INPUT_NAME, OUTPUT_NAME = "image", "logits"


def onnx_graph(
    graph: GraphModule, scheme: Scheme, trained: nn.Module, *, phases: bool = False, half: bool = False
) -> GraphModule:
    """What `export_onnx` takes of a quantized graph: its layers in the forms that ONNX Runtime has kernels for.

    Linears are static only if all layers are. Dynamic convolutions are in float with the weights of `trained`, the
    network before it was quantized: the first two over `phases` of the image, and `half` of them in float16.
    """
    copy = copied(graph)
    make_products_float(copy)
    if scheme is Scheme.STATIC:
        make_outputs_float(copy)
    else:
        make_linears_dynamic(copy)
    convolutions = translate_dynamic_layers(copy, trained, half=half)
    if phases:
        convolve_in_phases(copy, convolutions)
    copy.graph.eliminate_dead_code()
    copy.recompile()
    return copy


def export_onnx(
    program: ExportedProgram, target: Target = Target.ANY, attention: OnnxAttention = OnnxAttention.PLAIN
) -> bytes:
    """Export `program` (float32 (1, 3, size, size) -> (1, classes)) to the bytes of a checked `.onnx` file.

    Int8 activations are unsigned if `target` wants them so, attention is spelled as `attention` says.

    Raises:
        QuantizationError: the file does not pass the ONNX checker.
    """
    with _quiet(), known_operators(), known_translations():
        exported = torch.onnx.export(
            program,
            dynamo=True,
            opset_version=OPSET,
            input_names=[INPUT_NAME],
            output_names=[OUTPUT_NAME],
            custom_translation_table=TRANSLATIONS,
            verbose=False,
        )
    if exported is None:
        raise QuantizationError("torch.onnx.export returned nothing: install the versions of levit-edge[quantize].")
    model = exported.model_proto
    _strip_provenance(model)
    make_biases_int32(model.graph)
    merge_slices(model.graph)
    if target is Target.X86_64:
        make_activations_unsigned(model.graph)
    if attention is OnnxAttention.FUSED:
        fuse_attention(model)
    _drop_unread(model.graph)
    model.ir_version = onnx.helper.find_min_ir_version_for(model.opset_import)  # the exporter's is newer: fewer read it
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise QuantizationError(f"the exported ONNX file does not pass the ONNX checker: {error}") from error
    return bytes(model.SerializeToString(deterministic=True))


def _strip_provenance(model: onnx.ModelProto) -> None:
    """Drop the exporter's stack traces: they hold paths of this machine and change from run to run."""
    graph = model.graph
    parts: list[Any] = [model, graph, *graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer]
    for part in parts:
        del part.metadata_props[:]
        part.doc_string = ""


def _drop_unread(graph: onnx.GraphProto) -> None:
    """Drop the nodes and constants that changes have left without a reader."""
    read, nodes = {output.name for output in graph.output}, []
    for node in reversed(graph.node):
        if read.intersection(node.output):
            read.update(node.input)
            nodes.append(node)
    constants = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(nodes))
    graph.initializer.extend(constants)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter warns about torchvision operators, which a LeViT has not."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _prepared(graph: GraphModule, plan: Plan, recipe: Recipe) -> GraphModule:
    phases = recipe.target is Target.ARM64
    return onnx_graph(graph, recipe.scheme, plan.deploy, phases=phases, half=recipe.stem_in_float16)


EXPORTER = Exporter(
    prepared=_prepared,
    export=lambda program, recipe: export_onnx(program, recipe.target, recipe.onnx_attention),
)
