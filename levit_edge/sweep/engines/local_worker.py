"""A process that does tasks: takes calls on standard input, answers with outcomes on standard output.

`levit_edge.sweep.engines.worker_process` starts it and is its only client. Arguments: the store, the name of the run,
the environment as JSON. Frames in: one call after the other, as `pack_call` writes it; out: for each its outcome, as
`pack` does. It ends when its standard input does.
"""

import json
import resource
import sys
from contextlib import suppress

from levit_edge.device.protocol import Pipe, write_frame
from levit_edge.documents import from_json, to_json
from levit_edge.errors import SweepError
from levit_edge.sweep.tasks.call import unpack_call
from levit_edge.sweep.tasks.result import Done, Failed, Outcome
from levit_edge.sweep.tasks.work import run
from levit_edge.system.logs import quiet_imports
from levit_edge.system.worker import next_frame, serve

__all__ = ["pack", "unpack"]


def main(requests: Pipe, answers: Pipe) -> None:
    """Serve until the client has gone."""
    store, run_id, environment = sys.argv[1:]
    quiet_imports()
    while True:
        call = unpack_call(next_frame(requests))
        _limit_memory(call.memory_bytes)
        write_frame(answers, pack(run(call, store, json.loads(environment), run_id)))


def _limit_memory(limit: int) -> None:
    """Limit this process's writable memory, from now on."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    with suppress(ValueError, OSError):  # a lower limit is set already
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def pack(outcome: Outcome) -> bytes:
    """The outcome as JSON."""
    return json.dumps(to_json(outcome)).encode()


def unpack(frame: bytes) -> Outcome:
    """What `pack` was given."""
    document = json.loads(frame)
    if "results" in document:
        return from_json(Done, document, SweepError, "an outcome")
    return from_json(Failed, document, SweepError, "an outcome")


if __name__ == "__main__":
    serve(main)
