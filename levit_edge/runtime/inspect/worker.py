"""An inspecting process: takes names and bytes of model files on standard input, answers with their facts.

`levit_edge.runtime.inspect.model` starts it and is its only client. For each file, frames in: the name; the
bytes. Frame out: JSON, the facts or a `fault_document`. It ends when its standard input does.
"""

import json
import os
import resource
from typing import Any

from levit_edge.bundle.kinds import Runtime, named
from levit_edge.documents import to_json
from levit_edge.errors import BundleError, LevitEdgeError
from levit_edge.system.frames import read_frame, write_frame
from levit_edge.system.limits import at_most, confine, fault_document

LIMIT_S = 120


def main() -> None:
    """Serve until standard input ends."""
    answers = os.dup(1)
    confine()
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_S, LIMIT_S))  # also of the programs that it starts
    with open(0, "rb", buffering=0) as requests, open(answers, "wb", buffering=0) as writable:  # noqa: PTH123
        while (name := read_frame(requests)) is not None and (data := read_frame(requests)) is not None:
            with at_most(LIMIT_S):
                answer = inspected(name.decode(), data)
            write_frame(writable, json.dumps(answer).encode())


def inspected(name: str, data: bytes) -> dict[str, Any]:
    """The facts of a file or a `fault_document`, as `main` answers with them."""
    runtime = Runtime.of_file(name)
    try:
        if runtime is None:
            raise BundleError(
                f"it is no model file: expected one that ends in {' or '.join(each.entry.suffix for each in Runtime)}."
            )
        facts: dict[str, Any] = to_json(named("levit_edge.runtime.inspect", runtime.entry.inspector)(data))
    except LevitEdgeError as error:
        return fault_document(error)
    return {"kind": runtime.entry.file_kind, "file": name} | facts


if __name__ == "__main__":
    main()
