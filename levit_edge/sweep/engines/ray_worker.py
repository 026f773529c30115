"""What Ray's worker processes do for a sweep: they hand tasks to a process of their own.

So a task meets the same limits as on one machine, and what ends its process leaves Ray's alone. Ray kills its workers
when a run ends or is cancelled; their processes follow, as their standard input ends.
"""

import json
from dataclasses import replace
from functools import cache

from levit_edge.errors import LevitEdgeError, SweepError
from levit_edge.sweep.engines.environment import computed_on
from levit_edge.sweep.engines.ray_probe import Run, look, unfit
from levit_edge.sweep.engines.worker_process import WorkerProcess
from levit_edge.sweep.tasks.result import Failed, Outcome
from levit_edge.sweep.tasks.work import log_path, read_log
from levit_edge.system.worker import Helpers

__all__ = ["do", "take_log"]


def do(frame: bytes, call_id: str, seconds: int, run: str) -> Outcome:
    """Do one call; see `levit_edge.sweep.engines.worker_process.WorkerProcess.do`.

    `run` is a `Run` as JSON. A failure has the ID of this node.
    """
    try:
        outcome = _process(run).do(frame, call_id, seconds)
    except LevitEdgeError as error:
        outcome = Failed(reason=str(error), again=True)
    return replace(outcome, node=_node()) if isinstance(outcome, Failed) else outcome


def take_log(run_id: str, call_id: str) -> str | None:
    """The end of the log that a dead worker has left on this node, which is removed; None if there is none."""
    path = log_path(_name(run_id), call_id)
    if not path.exists():
        return None
    text = read_log(path)
    path.unlink(missing_ok=True)
    return text


@cache
def _process(run: str) -> WorkerProcess:
    """This worker's; a node that joined after the others were looked at is looked at now.

    Raises:
        SweepError: it cannot do the run's tasks.
    """
    of: Run = json.loads(run)
    if problem := unfit(look(of["store"]), of):
        raise SweepError(f"this node, which joined the cluster later, {problem}")
    return WorkerProcess(Helpers(), of["store"], computed_on(of["here"], of["processors"]), _name(of["run_id"]))


def _name(run_id: str) -> str:
    """What the logs of this node are called: nodes can share a machine."""
    return f"{run_id}-{_node()[:12]}"


def _node() -> str:
    import ray

    return str(ray.get_runtime_context().get_node_id())
