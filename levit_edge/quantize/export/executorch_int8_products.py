"""Lets XNNPACK compute batched matrix products in int8.

XNNPACK has an int8 × int8 product of two activations (right operand with zero point 0), and ExecuTorch's runtime and
serializer pass it on; only the partitioner believes that a product is always float (1.4).
"""

from executorch.backends.xnnpack.partition.config import ALL_PARTITIONER_CONFIGS
from executorch.backends.xnnpack.partition.config.generic_node_configs import BMMConfig
from executorch.backends.xnnpack.partition.config.xnnpack_config import ConfigPrecisionType
from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner

__all__ = ["partitioner"]


class Int8Product(BMMConfig):  # type: ignore[misc]
    """A product is int8 if both operands come from a dequantization and the result goes into a quantization."""

    def supported_precision_types(self) -> list[ConfigPrecisionType]:
        """What the product of this network may compute in."""
        return [ConfigPrecisionType.FP32, ConfigPrecisionType.STATIC_QUANT]


def partitioner() -> XnnpackPartitioner:
    """ExecuTorch's own, with int8 products."""
    return XnnpackPartitioner(
        configs=[Int8Product if config is BMMConfig else config for config in ALL_PARTITIONER_CONFIGS]
    )
