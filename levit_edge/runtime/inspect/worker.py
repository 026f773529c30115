"""An inspecting process: takes names and bytes of model files on standard input, answers with their facts.

`levit_edge.runtime.inspect.model` starts it and is its only client. For each file, frames in: the name; the
bytes. Frame out: JSON, the facts or a `fault_document`. It ends when its standard input does.
"""

import json
import resource
from typing import Any

from levit_edge.bundle.kinds import Runtime, named
from levit_edge.device.protocol import Pipe, write_frame
from levit_edge.documents import to_json
from levit_edge.errors import BundleError, LevitEdgeError
from levit_edge.system.limits import at_most, fault_document, set_limits
from levit_edge.system.worker import next_frame, serve

LIMIT_S = 120


def main(requests: Pipe, answers: Pipe) -> None:
    """Serve until the client has gone."""
    set_limits()
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_S, LIMIT_S))  # also of the programs that it starts
    while True:
        name, data = next_frame(requests).decode("utf-8", "surrogateescape"), next_frame(requests)
        with at_most(LIMIT_S):
            answer = inspected(name, data)
        write_frame(answers, json.dumps(answer).encode())


def inspected(name: str, data: bytes) -> dict[str, Any]:
    """The facts of a file or a `fault_document`, as `main` answers with them."""
    runtime = Runtime.of_file(name)
    try:
        if runtime is None:
            known = " or ".join(each.entry.suffix for each in Runtime)
            raise BundleError(f"it is no model file: expected one that ends in {known}.")
        facts: dict[str, Any] = to_json(named("levit_edge.runtime.inspect", runtime.entry.inspector)(data))
    except LevitEdgeError as error:
        return fault_document(error)
    return {"kind": runtime.entry.file_kind, "file": name} | facts


if __name__ == "__main__":
    serve(main)
