"""A process that does tasks: takes calls on standard input, answers with outcomes on standard output.

`levit_edge.sweep.engines.worker_process` starts it and is its only client. Arguments: the store, the name of the run.
Frames in: first the environment as JSON, then one call after the other, as `pack_call` writes it; out: for each its
outcome, as `pack` does. It ends when its standard input does.
"""

import json
import resource
import sys
from contextlib import suppress
from typing import Any

from levit_edge.device.protocol import Pipe, write_frame
from levit_edge.documents import from_json, to_json
from levit_edge.errors import SweepError
from levit_edge.sweep.tasks.call import unpack_call
from levit_edge.sweep.tasks.result import Done, Failed, Outcome
from levit_edge.sweep.tasks.work import run
from levit_edge.system.worker import next_frame, serve

__all__ = ["pack", "unpack"]


def main(requests: Pipe, answers: Pipe) -> None:
    """Serve until the client has gone."""
    store, run_id = sys.argv[1:]
    environment = json.loads(next_frame(requests))
    while True:
        call = unpack_call(next_frame(requests))
        limit_memory(call.memory_bytes)
        write_frame(answers, pack(run(call, store, environment, run_id)))


def limit_memory(limit: int) -> None:
    """Limit this process's writable memory, from now on."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    with suppress(ValueError, OSError):  # a lower limit is set already
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def pack(outcome: Outcome) -> bytes:
    """The outcome as JSON."""
    return json.dumps({type(outcome).__name__: to_json(outcome)}).encode()


def unpack(frame: bytes) -> Outcome:
    """What `pack` was given."""
    ((name, document),) = json.loads(frame).items()
    kinds: dict[str, Any] = {"Done": Done, "Failed": Failed}
    outcome: Outcome = from_json(kinds[name], document, SweepError, "an outcome")
    return outcome


if __name__ == "__main__":
    serve(main)
