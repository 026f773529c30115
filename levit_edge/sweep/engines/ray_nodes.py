"""The nodes of a Ray cluster: which are alive, what they have, and whether they can do a sweep's tasks."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from levit_edge.sweep.engines import ray_probe
from levit_edge.sweep.engines.environment import PROCESSOR
from levit_edge.sweep.engines.ray_probe import Run, unfit
from levit_edge.sweep.tasks.call import Call

__all__ = ["Node", "alive_nodes", "look_at", "on_each"]

LOOK_SECONDS = 90
"""In which every node has to answer: it starts a process for that, and imports levit-edge."""


@dataclass(frozen=True)
class Node:
    """One that takes tasks."""

    id: str
    name: str
    cpus: float
    memory_bytes: float

    def takes(self, call: Call) -> bool:
        """Whether the call has room there, when nothing else runs."""
        return self.memory_bytes >= call.memory_bytes


def alive_nodes() -> dict[str, Node]:
    """Those that take tasks, by their IDs."""
    import ray

    alive = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]
    names = Counter(_title(node) for node in alive)
    return {
        node["NodeID"]: Node(
            id=node["NodeID"],
            name=_title(node) if names[_title(node)] == 1 else f"{_title(node)}/{node['NodeID'][:6]}",
            cpus=node["Resources"]["CPU"],
            memory_bytes=node["Resources"].get("memory", 0),
        )
        for node in alive
    }


def look_at(nodes: Mapping[str, Node], run: Run, *, any_processor: bool) -> tuple[Run, list[str]]:
    """`run` with the processors that may take part, and what is wrong with each node that cannot; see `ray_probe`."""
    import ray

    ray.cloudpickle.register_pickle_by_value(ray_probe)
    found = on_each(nodes, ray_probe.look, (run["store"],), LOOK_SECONDS)
    processors = dict.fromkeys(each["environment"][PROCESSOR] for each in found.values() if "environment" in each)
    run = {**run, "processors": [*processors] if any_processor else [*processors][:1]}
    problems = []
    for node in nodes.values():
        if node.id not in found:
            problems.append(f"{node.name} does not answer within {LOOK_SECONDS} s.")
        elif why := unfit(found[node.id], run):
            problems.append(f"{node.name} {why}.")
    return run, problems


def on_each(
    nodes: Iterable[str], function: Callable[..., Any], arguments: tuple[Any, ...], seconds: int
) -> dict[str, Any]:
    """What the function gives on each node, by node; without those that fail."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    task, asked = ray.remote(function), {}
    for node in nodes:
        there = NodeAffinitySchedulingStrategy(node, soft=False)
        asked[task.options(num_cpus=0, max_retries=0, scheduling_strategy=there).remote(*arguments)] = node
    answered, _ = ray.wait([*asked], num_returns=len(asked), timeout=seconds)
    found = {}
    for reference in answered:
        with suppress(ray.exceptions.RayError):
            found[asked[reference]] = ray.get(reference)
    return found


def _title(node: Mapping[str, Any]) -> str:
    """What `ray start --node-name` has called it, or its host's name."""
    name, host = str(node.get("NodeName", "")), str(node["NodeManagerHostname"])
    return host if name in {"", node["NodeManagerAddress"]} else name
