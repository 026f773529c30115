"""What onnxruntime's own profiler says of a file's runs: one time for each operator.

The profiler slows a run down. What it does for an operator lies partly inside the time that it writes for it, about
alike for every operator (2 to 4 µs on x86-64, as much as a small operator takes), so that this is measured and taken
off: unprofiled runs go in turns with the profiled ones, and the difference to the sum of all operators, shared out, is
what each costs. It cannot be more than the shortest operator takes, which changes nothing but the shape of a tensor.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import time
from collections.abc import Callable
from typing import Any

from levit_edge.device.engines import open_onnxruntime
from levit_edge.device.protocol import AgentError

WARM_UP = 3
ENDING = "_kernel_time"
"""Of the names of events that are an operator's own time: older versions write others besides."""
FULL = 1 << 16
"""With fewer free bytes a disk is full."""
Nodes = list[tuple[str, str, int]]
"""Of one run: name, operator, microseconds, in the order of execution."""


def profile_runs(
    run_one: Callable[[Any], Any], image: Any, model: bytes, threads: int, runs: int, folder: str
) -> dict[str, Any]:
    """Profile `runs` runs of `model`, in turns with as many of `run_one`, its unprofiled session.

    Returns the times of both in milliseconds (`plain_ms`, `profiled_ms`), and `nodes`: [name, operator, microseconds]
    of each operator, the mean over the half of the profiled runs that took the least time, `cost_us` taken off.
    """
    session = open_onnxruntime(model, threads, os.path.join(folder, f"profile-{os.getpid()}"))
    name = session.get_inputs()[0].name
    sides: tuple[Callable[[Any], Any], ...] = (run_one, lambda each: session.run(None, {name: each}))
    taken: list[list[float]] = [[], []]
    for _ in range(WARM_UP + runs):
        for side, milliseconds in zip(sides, taken):
            start = time.perf_counter_ns()
            side(image)
            milliseconds.append((time.perf_counter_ns() - start) / 1e6)
    plain, profiled = (milliseconds[WARM_UP:] for milliseconds in taken)
    nodes = _fastest_half(_read(session.end_profiling(), folder)[WARM_UP:])
    cost = _cost([each[2] for each in nodes], 1e3 * statistics.mean(sorted(plain)[: _half(runs)]))
    return {
        "plain_ms": plain,
        "profiled_ms": profiled,
        "cost_us": cost,
        "nodes": [[name, operator, microseconds - cost] for name, operator, microseconds in nodes],
    }


def _cost(operators_us: list[float], plain_us: float) -> float:
    """What the profiler adds to each operator's time, microseconds."""
    shared_out = (sum(operators_us) - plain_us) / len(operators_us)
    return max(0.0, min(shared_out, *operators_us))


def _half(runs: int) -> int:
    return (runs + 1) // 2


def _fastest_half(runs: list[Nodes]) -> list[tuple[str, str, float]]:
    """Each operator with its mean over the runs that nothing disturbed. Whole microseconds are written: no medians."""
    if not runs or not runs[0] or any([each[:2] for each in run] != [each[:2] for each in runs[0]] for run in runs):
        raise AgentError("profile", "onnxruntime's profile has not the same operators in every run")
    best = sorted(runs, key=lambda run: sum(each[2] for each in run))[: _half(len(runs))]
    return [(*nodes[0][:2], statistics.mean(each[2] for each in nodes)) for nodes in zip(*best)]


def _read(path: str, folder: str) -> list[Nodes]:
    """The operators of each run in a profile, which is removed."""
    try:
        with open(path, "rb") as file:
            events = json.loads(file.read())
        return _runs(events)
    except (ValueError, LookupError, TypeError, AttributeError, OSError) as error:
        if shutil.disk_usage(folder).free < FULL:
            raise AgentError(
                "disk", f"the disk is full: onnxruntime's profile was not written whole into {folder}"
            ) from None
        raise AgentError("profile", f"onnxruntime's profile cannot be read ({type(error).__name__}: {error})") from None
    finally:
        if os.path.exists(path):
            os.unlink(path)


def _runs(events: Any) -> list[Nodes]:
    """An event `model_run` comes behind those of its operators."""
    runs: list[Nodes] = []
    nodes: Nodes = []
    for event in events:
        if event["cat"] == "Node" and event["name"].endswith(ENDING):
            nodes.append((event["name"][: -len(ENDING)], event["args"]["op_name"], int(event["dur"])))
        elif event["name"] == "model_run":
            runs.append(nodes)
            nodes = []
    return runs
