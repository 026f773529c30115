"""What an ONNX file holds: operators by precision, size, operator set."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from levit_edge.bundle.self_contained import is_self_contained
from levit_edge.errors import BundleError
from levit_edge.runtime.runner import needed

__all__ = ["CONVERSIONS", "SHAPE_OPERATORS", "OnnxInspection", "counted", "inspect_onnx"]

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
    with needed("onnx", "`pip install onnx`"):
        import onnx
        from google.protobuf.message import DecodeError
    try:
        model = onnx.load_model_from_string(data)
    except DecodeError as error:
        raise BundleError(f"it is not an ONNX file ({error}).") from error
    if not model.graph.node or not model.opset_import:
        raise BundleError("it is not an ONNX file: it holds no graph.")
    return OnnxInspection(
        opset=next((each.version for each in model.opset_import if each.domain in {"", "ai.onnx"}), 0),
        size_bytes=len(data),
        **counted(_kinds(model.graph)),
        self_contained=is_self_contained(data),
    )


def counted(kinds: Iterable[tuple[str, str]]) -> dict[str, dict[str, int]]:
    """The fields of an inspection with operators: how many there are of each kind, from the field and name of each."""
    fields = ("int8_operators", "float_operators", "shape_operators", "conversions")
    found: dict[str, dict[str, int]] = {field: {} for field in fields}
    for (field, operator), count in Counter(kinds).most_common():
        found[field][operator] = count
    return found


def _kinds(graph: Any) -> Iterator[tuple[str, str]]:
    producers = {output: node.op_type for node in graph.node for output in node.output}
    consumers: dict[str, set[str]] = {}
    for node in graph.node:
        for name in node.input:
            consumers.setdefault(name, set()).add(node.op_type)
    return ((_kind(node, producers, consumers), node.op_type) for node in graph.node)


def _kind(node: Any, producers: dict[str, str], consumers: dict[str, set[str]]) -> str:
    if node.op_type in CONVERSIONS:
        return "conversions"
    if node.op_type in INTEGER_OPERATORS:
        return "int8_operators"
    if node.op_type in SHAPE_OPERATORS:
        return "shape_operators"
    computed = [producers[name] for name in node.input if name in producers]
    quantized_result = all(consumers.get(name) == {"QuantizeLinear"} for name in node.output)
    if node.op_type in INT8_KERNELS and computed and quantized_result and set(computed) == {"DequantizeLinear"}:
        return "int8_operators"
    return "float_operators"
