"""What an ONNX file holds: operators by precision, size, operator set."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from levit_edge.bundle.self_contained import is_self_contained
from levit_edge.errors import BundleError, RuntimeUnavailableError

__all__ = ["OnnxInspection", "inspect_onnx"]

CONVERSIONS = frozenset({"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "Cast"})
INTEGER_OPERATORS = frozenset({"MatMulInteger", "ConvInteger"})
INT8_KERNELS = frozenset({"Add", "Conv", "Gemm", "MatMul", "Mul", "Softmax"})
"""Operators that ONNX Runtime's CPU provider has in int8, as far as a LeViT uses them."""
SHAPE_OPERATORS = frozenset({"Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Slice", "Concat", "Identity"})


@dataclass(frozen=True, kw_only=True)
class OnnxInspection:
    """Operator counts of one file as it was written; a runtime may fuse further."""

    opset: int
    size_bytes: int
    int8_operators: dict[str, int]
    """Operators that read only dequantized int8 and whose result is quantized at once: runtimes run them in int8."""
    float_operators: dict[str, int]
    shape_operators: dict[str, int]
    conversions: dict[str, int]
    self_contained: bool
    """False if it names other files."""


def inspect_onnx(data: bytes) -> OnnxInspection:
    """Read an ONNX file.

    Raises:
        RuntimeUnavailableError: the `onnx` package is not installed.
        BundleError: it is not an ONNX file.
    """
    try:
        import onnx
        from google.protobuf.message import DecodeError
    except ImportError as error:
        raise RuntimeUnavailableError("onnx is not installed: install it with `pip install onnx`.") from error
    try:
        model = onnx.load_model_from_string(data)
    except DecodeError as error:
        raise BundleError(f"it is not an ONNX file ({error}).") from error
    if not model.graph.node or not model.opset_import:
        raise BundleError("it is not an ONNX file: it holds no graph.")
    kinds = _kinds(model.graph)
    return OnnxInspection(
        opset=next((each.version for each in model.opset_import if each.domain in {"", "ai.onnx"}), 0),
        size_bytes=len(data),
        int8_operators=_counted(kinds, "int8"),
        float_operators=_counted(kinds, "float"),
        shape_operators=_counted(kinds, "shape"),
        conversions=_counted(kinds, "conversion"),
        self_contained=is_self_contained(data),
    )


def _kinds(graph: Any) -> Counter[tuple[str, str]]:
    producers = {output: node.op_type for node in graph.node for output in node.output}
    consumers: dict[str, set[str]] = {}
    for node in graph.node:
        for name in node.input:
            consumers.setdefault(name, set()).add(node.op_type)
    return Counter((_kind(node, producers, consumers), node.op_type) for node in graph.node)


def _kind(node: Any, producers: dict[str, str], consumers: dict[str, set[str]]) -> str:
    if node.op_type in CONVERSIONS:
        return "conversion"
    if node.op_type in INTEGER_OPERATORS:
        return "int8"
    if node.op_type in SHAPE_OPERATORS:
        return "shape"
    computed = [producers[name] for name in node.input if name in producers]
    quantized_result = all(consumers.get(name) == {"QuantizeLinear"} for name in node.output)
    if node.op_type in INT8_KERNELS and computed and quantized_result and set(computed) == {"DequantizeLinear"}:
        return "int8"
    return "float"


def _counted(kinds: Counter[tuple[str, str]], wanted: str) -> dict[str, int]:
    return {operator: count for (kind, operator), count in kinds.most_common() if kind == wanted}
