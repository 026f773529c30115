"""Graph -> ExecuTorch `.pte`, wholly inside one XNNPACK delegate."""

import warnings

import torch
from executorch.backends.xnnpack.partition.config import ALL_PARTITIONER_CONFIGS
from executorch.backends.xnnpack.partition.config.generic_node_configs import BMMConfig, ToDimOrderCopyConfig
from executorch.backends.xnnpack.partition.config.xnnpack_config import ConfigPrecisionType
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import to_edge_transform_and_lower
from torch.export import ExportedProgram

from levit_edge.errors import QuantizationError
from levit_edge.quantize.export.executorch_casts import Cast, casts_in_delegates
from levit_edge.quantize.export.executorch_delegate import rearranged
from levit_edge.quantize.export.executorch_layout import images_are_tokens
from levit_edge.quantize.export.executorch_moves import fold_paddings, move_heads_in_int8
from levit_edge.quantize.export.executorch_rows import split_rows
from levit_edge.quantize.export.executorch_shortcuts import shortcuts
from levit_edge.quantize.export.executorch_stem import executorch_graph
from levit_edge.quantize.export.float16 import float16_graph
from levit_edge.quantize.export.program import Exporter
from levit_edge.quantize.quantizer import before_rounding

__all__ = ["EXPORTER", "export_executorch"]


class Int8Product(BMMConfig):  # type: ignore[misc]
    """A product is int8 if both operands come from a dequantization and the result goes into a quantization.

    XNNPACK has an int8 × int8 product of two activations (right operand with zero point 0), and ExecuTorch's runtime
    and serializer pass it on; only the partitioner believes that a product is always float (1.4).
    """

    def supported_precision_types(self) -> list[ConfigPrecisionType]:
        """What a product of a LeViT may compute in."""
        return [ConfigPrecisionType.FP32, ConfigPrecisionType.STATIC_QUANT]


OWN_CONFIGS = {BMMConfig: Int8Product, ToDimOrderCopyConfig: Cast}
CONFIGS = [OWN_CONFIGS.get(config, config) for config in ALL_PARTITIONER_CONFIGS]


def export_executorch(program: ExportedProgram) -> bytes:
    """Lower `program` (float32 (1, 3, size, size) -> (1, classes)) to the bytes of a `.pte` file.

    Raises:
        QuantizationError: the result is not exactly one delegate with nothing computed outside it, or XNNPACK would
            compute something else.
    """
    _require_right_ranges(program)
    forms = rearranged(fold_paddings, move_heads_in_int8, split_rows)
    with warnings.catch_warnings(), shortcuts(), casts_in_delegates(), images_are_tokens(), forms, torch.no_grad():
        for category in (FutureWarning, DeprecationWarning, UserWarning):
            warnings.filterwarnings("ignore", category=category)
        lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner(configs=CONFIGS)])
        _require_one_delegate(lowered.exported_program())
        return bytes(lowered.to_executorch().buffer)


def _require_one_delegate(program: ExportedProgram) -> None:
    calls = [str(node.target) for node in program.graph.nodes if node.op == "call_function"]
    delegates = calls.count("executorch_call_delegate")
    outside = [call for call in calls if call != "executorch_call_delegate" and "getitem" not in call]
    if delegates != 1 or outside:
        raise QuantizationError(
            f"the ExecuTorch export has {delegates} delegates and computes {outside or 'nothing'} outside them,"
            " expected one delegate and nothing outside. Install the versions of levit-edge[quantize]."
        )


def _require_right_ranges(program: ExportedProgram) -> None:
    """XNNPACK computes garbage, and says nothing, where a dynamic range of float16 serves a float32 result.

    That is 1.4; 1.5.1 computes it rightly, but older runtimes open the files too.
    """
    dynamic = torch.ops.quantized_decomposed.dequantize_per_tensor.tensor
    for node in program.graph.find_nodes(op="call_function", target=dynamic):
        source = before_rounding(node, dynamic=True) or node
        if (source.meta["val"].dtype, node.meta["val"].dtype) == (torch.float16, torch.float32):
            raise QuantizationError(
                f"{node.name} takes its range from float16 and gives float32, which XNNPACK computes wrongly: please"
                " report this, and use --no-float16."
            )


EXPORTER = Exporter(
    prepared=lambda graph, _plan, _recipe: executorch_graph(graph),
    float16=float16_graph,
    export=lambda program, _recipe: export_executorch(program),
)
