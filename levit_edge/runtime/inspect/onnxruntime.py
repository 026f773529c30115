"""The graph that ONNX Runtime really runs on this machine, after its own rewriting of a file.

What a file spells as conversions around float operators, ONNX Runtime fuses into int8 kernels, or does not; the layout
of convolutions depends on the processor. Only the optimised graph shows it.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from levit_edge.bundle.kinds import Runtime
from levit_edge.bundle.self_contained import ELSEWHERE, is_self_contained
from levit_edge.documents import to_json
from levit_edge.errors import BundleError, RuntimeUnavailableError
from levit_edge.runtime.inspect.onnx import CONVERSIONS, SHAPE_OPERATORS, counted, inspect_onnx
from levit_edge.runtime.runner import needed, too_old

__all__ = ["LAYOUT_OPERATORS", "OptimisedGraph", "facts", "inspect_onnxruntime", "is_int8"]

INT8_OPERATORS = frozenset(
    {"ConvInteger", "DynamicQuantizeMatMul", "MatMulInteger", "MatMulIntegerToFloat", "MatMulNBits", "QGemm"}
)
"""With every operator whose name starts with QLinear."""
LAYOUT_OPERATORS = frozenset({"ReorderInput", "ReorderOutput"})
"""Between rows of pixels and the blocks of channels in which convolutions run."""
ONLY_FATAL = 4


@dataclass(frozen=True, kw_only=True)
class OptimisedGraph:
    """Operator counts after optimisation, at the level that `OnnxRuntimeRunner` uses."""

    onnxruntime_version: str
    int8_operators: dict[str, int]
    float_operators: dict[str, int]
    shape_operators: dict[str, int]
    conversions: dict[str, int]
    """Between int8 and float, and between memory layouts."""


def facts(data: bytes) -> dict[str, Any]:
    """Those of `inspect_onnx` and `as_optimised_here`, as JSON holds them.

    The second are `inspect_onnxruntime`'s, or under `not_inspected` why there are none: the file's facts stand.
    """
    found: dict[str, Any] = to_json(inspect_onnx(data))
    try:
        return found | {"as_optimised_here": to_json(inspect_onnxruntime(data))}
    except (BundleError, RuntimeUnavailableError) as error:
        return found | {"as_optimised_here": {"not_inspected": str(error)}}


def inspect_onnxruntime(data: bytes) -> OptimisedGraph:
    """Have ONNX Runtime optimise an ONNX file for this machine, and count what is left.

    Raises:
        RuntimeUnavailableError: onnx or onnxruntime is not installed.
        BundleError: it is not an ONNX file, its weights are in other files, or ONNX Runtime refuses it.
    """
    with needed("onnx or onnxruntime", "`pip install onnx onnxruntime`"):
        import onnx
        import onnxruntime
    if not is_self_contained(data):
        raise BundleError(ELSEWHERE)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optimised.onnx"
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = ONLY_FATAL
        options.optimized_model_filepath = str(path)
        try:
            onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
            graph = onnx.load(path, load_external_data=False).graph
        except Exception as error:  # onnxruntime's exceptions have no public base but Exception
            version = onnxruntime.__version__
            reason = too_old(Runtime.ONNXRUNTIME, version, data)
            raise BundleError(reason or f"ONNX Runtime {version} refuses the file: {error}") from error
    kinds = ((_kind(node.op_type), node.op_type) for node in graph.node)
    return OptimisedGraph(onnxruntime_version=onnxruntime.__version__, **counted(kinds))


def is_int8(operator: str) -> bool:
    """Whether an operator of the optimised graph multiplies or adds in int8."""
    return operator in INT8_OPERATORS or operator.startswith("QLinear")


def _kind(operator: str) -> str:
    if operator in CONVERSIONS | LAYOUT_OPERATORS:
        return "conversions"
    if is_int8(operator):
        return "int8_operators"
    return "shape_operators" if operator in SHAPE_OPERATORS | {"Gather", "Split"} else "float_operators"
