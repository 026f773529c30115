"""An inspecting process: takes names and bytes of model files on standard input, answers with their facts.

`levit_edge.runtime.inspect.model` starts it and is its only client. For each file, frames in: the name; the
bytes. Frame out: JSON, the facts or a `fault_document`. It ends when its standard input does.
"""

import json
import resource
from typing import Any

from levit_edge.documents import to_json
from levit_edge.errors import BundleError, LevitEdgeError, RuntimeUnavailableError
from levit_edge.system.frames import Pipe, write_frame
from levit_edge.system.limits import at_most, confine, fault_document
from levit_edge.system.worker import next_frame, serve

LIMIT_S = 120


def main(requests: Pipe, answers: Pipe) -> None:
    """Serve until the client has gone."""
    confine()
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_S, LIMIT_S))  # also of the programs that it starts
    while True:
        name, data = next_frame(requests).decode(), next_frame(requests)
        with at_most(LIMIT_S):
            answer = _facts(name, data)
        write_frame(answers, json.dumps(answer).encode())


def _facts(name: str, data: bytes) -> dict[str, Any]:
    from levit_edge.runtime.inspect.executorch import inspect_executorch
    from levit_edge.runtime.inspect.onnx import inspect_onnx

    kind, reader = ("ExecuTorch program", inspect_executorch) if name.endswith(".pte") else ("ONNX model", inspect_onnx)
    try:
        facts: dict[str, Any] = to_json(reader(data))
    except LevitEdgeError as error:
        return fault_document(error)
    facts = {"kind": kind, "file": name} | facts
    return facts if name.endswith(".pte") else facts | {"as_optimised_here": _optimised(data)}


def _optimised(data: bytes) -> dict[str, Any]:
    """What ONNX Runtime makes of a file on this machine, or why it makes nothing of it: the file's facts stand."""
    from levit_edge.runtime.inspect.onnxruntime import inspect_onnxruntime

    try:
        optimised: dict[str, Any] = to_json(inspect_onnxruntime(data))
    except (BundleError, RuntimeUnavailableError) as error:
        return {"not_inspected": str(error)}
    return optimised


if __name__ == "__main__":
    serve(main)
