"""Graph -> ExecuTorch `.pte`, wholly inside one XNNPACK delegate."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from executorch.backends.xnnpack.partition.config import ALL_PARTITIONER_CONFIGS
from executorch.backends.xnnpack.partition.config.generic_node_configs import BMMConfig
from executorch.backends.xnnpack.partition.config.xnnpack_config import ConfigPrecisionType
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
from executorch.exir import to_edge_transform_and_lower
from torch.export import ExportedProgram
from torch.fx.traceback import NodeSource

from levit_edge.errors import QuantizationError
from levit_edge.quantize.export.program import Exporter

__all__ = ["EXPORTER", "export_executorch"]


class Int8Product(BMMConfig):  # type: ignore[misc]
    """A product is int8 if both operands come from a dequantization and the result goes into a quantization.

    XNNPACK has an int8 × int8 product of two activations (right operand with zero point 0), and ExecuTorch's runtime
    and serializer pass it on; only the partitioner believes that a product is always float (1.4).
    """

    def supported_precision_types(self) -> list[ConfigPrecisionType]:
        """What a product of a LeViT may compute in."""
        return [ConfigPrecisionType.FP32, ConfigPrecisionType.STATIC_QUANT]


CONFIGS = [Int8Product if config is BMMConfig else config for config in ALL_PARTITIONER_CONFIGS]


def export_executorch(program: ExportedProgram) -> bytes:
    """Lower `program` (float32 (1, 3, size, size) -> (1, classes)) to the bytes of a `.pte` file.

    Raises:
        QuantizationError: the result is not exactly one delegate with nothing computed outside it.
    """
    with warnings.catch_warnings(), _shared_provenance(), torch.no_grad():
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


@contextmanager
def _shared_provenance() -> Iterator[None]:
    """Let passes share the record of where a node came from, instead of copying it whole for every node they touch.

    The records are never changed after they are made, and do not reach the file. Measured on LeViT-128S int8: 30 s of
    processor time instead of 46, the same bytes.
    """
    NodeSource.__deepcopy__ = lambda source, _memo: source  # type: ignore[attr-defined]
    try:
        yield
    finally:
        del NodeSource.__deepcopy__  # type: ignore[attr-defined]


EXPORTER = Exporter(export=lambda program, _recipe: export_executorch(program))
