"""What Ray's worker processes do for a sweep: they hand tasks to a process of their own.

So a task meets the same limits as on one machine, and what ends its process leaves Ray's alone. Ray kills its workers
when a run ends or is cancelled; their processes follow, as their standard input ends.
"""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from levit_edge.errors import LevitEdgeError, SweepError
from levit_edge.sweep.engines.environment import computed_on
from levit_edge.sweep.engines.local_worker import pack
from levit_edge.sweep.engines.ray_probe import look, unfit
from levit_edge.sweep.engines.worker_process import WorkerProcess
from levit_edge.sweep.tasks.result import Failed, Outcome
from levit_edge.sweep.tasks.work import log_path, read_log
from levit_edge.system.worker import Helpers

__all__ = ["do", "log_id", "take_log"]


def do(frame: bytes, call_id: str, seconds: int, run: Mapping[str, Any]) -> tuple[str, bytes]:
    """Do one call; see `levit_edge.sweep.engines.worker_process.WorkerProcess.do`.

    `run` has the store, its note, the environment here, the processors of all nodes and the run's name. Returns the
    ID of this node, and the outcome as `levit_edge.sweep.engines.local_worker.pack` writes it.
    """
    import ray

    node: str = ray.get_runtime_context().get_node_id()
    return node, pack(_outcome((frame, call_id, seconds), run, node))


def take_log(name: str, call_id: str) -> str | None:
    """The end of the log that a dead worker has left on this machine, which is removed; None if there is none."""
    path = log_path(name, call_id)
    if not path.exists():
        return None
    text = read_log(path)
    path.unlink(missing_ok=True)
    return text


def log_id(run_id: str, node: str) -> str:
    """What the logs of a node are called: nodes can share a machine."""
    return f"{run_id}-{node[:12]}"


def _outcome(call: tuple[bytes, str, int], run: Mapping[str, Any], node: str) -> Outcome:
    try:
        return _process(json.dumps(run), log_id(run["run_id"], node)).do(*call)
    except LevitEdgeError as error:
        return Failed(reason=str(error), again=True)


@cache
def _process(run: str, name: str) -> WorkerProcess:
    """This worker's; a node that joined after the others were looked at is looked at now.

    Raises:
        SweepError: it cannot do the run's tasks.
    """
    of = json.loads(run)
    if problem := unfit(look(of["store"]), of["here"], of["note"], of["store"], of["processors"]):
        raise SweepError(f"this node, which joined the cluster later, {problem}")
    return WorkerProcess(Helpers(), of["store"], computed_on(of["here"], of["processors"]), name)
