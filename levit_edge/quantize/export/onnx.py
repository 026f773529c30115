"""Graph -> self-contained ONNX file: QuantizeLinear/DequantizeLinear around float operators, as runtimes fuse them."""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator

import onnx
import torch
from torch.export import ExportedProgram

from levit_edge.errors import QuantizationError
from levit_edge.quantize.export.onnx_dynamic import TRANSLATIONS
from levit_edge.quantize.export.onnx_unsigned import with_unsigned_activations
from levit_edge.quantize.recipe import Target

__all__ = ["INPUT_NAME", "OPSET", "OUTPUT_NAME", "export_onnx"]

OPSET = 18
"""The exporter's own opset; the oldest with every operator used (HardSwish 14, per-channel QuantizeLinear 13)."""
INPUT_NAME, OUTPUT_NAME = "image", "logits"


def export_onnx(program: ExportedProgram, target: Target = Target.ARM64) -> bytes:
    """Export `program` (float32 (1, 3, size, size) -> (1, classes)) to the bytes of a checked `.onnx` file.

    Int8 activations are signed or unsigned as `target` wants them.

    Raises:
        QuantizationError: the file does not pass the ONNX checker.
    """
    with _quiet():
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
    if target is Target.X86_64:
        model = with_unsigned_activations(model)
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise QuantizationError(f"the exported ONNX file does not pass the ONNX checker: {error}") from error
    return bytes(model.SerializeToString(deterministic=True))


def _strip_provenance(model: onnx.ModelProto) -> None:
    """Drop the exporter's stack traces: they hold paths of this machine and change from run to run."""
    del model.metadata_props[:], model.graph.metadata_props[:]
    model.doc_string = model.graph.doc_string = ""
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer):
        del value.metadata_props[:]
        value.doc_string = ""


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
