"""The oldest runtimes that loaded levit-edge's files when that was tried, and what to say of older ones.

The versions of onnxruntime are what `python -m benchmarks.readers` found on x86-64 with Python 3.11. What a file needs
follows from the file itself, by the fields of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto: nothing here
needs the onnx package, and boards have this module too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from levit_edge.device.protobuf import fields

NEWEST_TRIED = "1.32.0"
"""The newest onnxruntime that was tried."""
OLDEST_BY_FORM = {
    (8, 18): "1.15.0",  # the package index has no older one for Python 3.11
    (10, 18): "1.18.0",  # as levit-edge wrote them before
    (11, 23): "1.23.0",
}
"""(IR version, operator set) of an ONNX file -> onnxruntime."""
OLDEST_FOR_STATIC_23 = "1.24.1"
"""Of operator set 23 with static activations: 1.23 has no QuantizeLinear of that set."""
OLDEST_FOR_NUMPY_2 = "1.19.0"
"""Older onnxruntimes do not load beside numpy 2, and do not say why."""
PROGRAM_MAKER = "1.4.1"
"""The ExecuTorch that writes the `.pte` files."""
OLDEST_FOR_PROGRAMS = {"executorch": "1.3.1", "executorch-numpy-runtime": "1.4.0"}
"""For its files. That executorch-numpy-runtime, which the tests of emulated boards run, is ExecuTorch 1.3.1."""
ALL_FILES = "levit-edge's files"
NEEDS = {
    "onnxruntime": {
        ALL_FILES: OLDEST_BY_FORM[8, 18],
        "files of older versions (IR version 10)": OLDEST_BY_FORM[10, 18],
        "files with --onnx-attention fused": OLDEST_BY_FORM[11, 23],
        "files with that and static layers": OLDEST_FOR_STATIC_23,
    },
    **{package: {ALL_FILES: oldest} for package, oldest in OLDEST_FOR_PROGRAMS.items()},
}
"""Package of a runtime -> which of levit-edge's files need which version of it."""

# Numbers of fields in onnx.proto.
IR_VERSION, GRAPH, OPSET_IMPORT = 1, 7, 8
DOMAIN, VERSION = 1, 2
NODE, OP_TYPE = 1, 4


def oldest_onnxruntime(model: bytes) -> str | None:
    """The oldest onnxruntime that was tried and loads ONNX files such as `model`; None for others than ours."""
    try:
        parts = list(fields(memoryview(model)))
        (ir_version,) = (value for number, value in parts if number == IR_VERSION)
        (operator_set,) = (dict(fields(value)) for number, value in parts if number == OPSET_IMPORT)
        (graph,) = (value for number, value in parts if number == GRAPH)
        form = ir_version, operator_set[VERSION]
        static = form == (11, 23) and any(operator == b"QuantizeLinear" for operator in _operators(graph))
    except (ValueError, LookupError, TypeError):
        return None
    if operator_set.get(DOMAIN, b"") != b"":
        return None
    return OLDEST_FOR_STATIC_23 if static else OLDEST_BY_FORM.get(form)


def oldest_runtime(package: str, model: bytes) -> str | None:
    """The oldest version of a runtime's package that is known to load `model`, None if nothing is known."""
    return OLDEST_FOR_PROGRAMS.get(package) or oldest_onnxruntime(model)


def explain_refusal(package: str, version: str | None, model: bytes) -> str | None:
    """What to say of an installed package that refused `model`; None if it is not known to be too old."""
    oldest = oldest_runtime(package, model)
    if oldest is None or version is None or not is_older(version, oldest):
        return None
    return f"{package} {version} is installed; the file needs {oldest} or newer: pip install '{package}>={oldest}'"


def explain_import(package: str, version: str | None, error: ImportError) -> str:
    """Why an installed package cannot be imported."""
    if str(error):
        return str(error)
    if package == "onnxruntime" and version and is_older(version, OLDEST_FOR_NUMPY_2):
        oldest = OLDEST_FOR_NUMPY_2
        return f"{version} does not load beside numpy 2, {oldest} does: pip install '{package}>={oldest}'"
    return "it gives no reason"


def is_older(version: str, than: str) -> bool:
    """Whether a version is older, by its first three numbers; those that it lacks are 0."""
    return _numbers(version) < _numbers(than)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in [*re.findall(r"\d+", version), "0", "0"][:3]]


def _operators(graph: Any) -> Iterator[Any]:
    nodes = (value for number, value in fields(graph) if number == NODE)
    return (value for node in nodes for number, value in fields(node) if number == OP_TYPE)
