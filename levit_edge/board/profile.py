"""A board's profile of one file, checked and put into figures."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import mean
from typing import Any

from levit_edge.benchmark.profile import MOST_PARTS, OperatorTime, Profile
from levit_edge.bundle.kinds import Runtime
from levit_edge.bundle.manifest import Artifact
from levit_edge.runtime.inspect.blocks import Blocks
from levit_edge.text import entries, number, reason, text

__all__ = ["NO_EVENTS", "profile_of"]

NO_EVENTS = (
    "ExecuTorch's Python packages are built without its event tracer, so that they do not say where the time of a .pte"
    " goes"
)
"""executorch 1.4.1's `_load_for_executorch_from_buffer(…, enable_etdump=True)` runs, and then says "No etdump data
found, try rebuilding with the CMake option EXECUTORCH_ENABLE_EVENT_TRACER"; executorch-numpy-runtime has no such
call."""
LONGEST_REASON = 500
LONGEST_NAME = 200
SHORTEST_MS, LONGEST_MS = 1e-3, 1e7


def profile_of(artifact: Artifact, threads: int, sent: object, blocks: Blocks | None) -> Profile | None:
    """The profile that an agent sent of a file, with its blocks where they are known; None if it is none."""
    if artifact.runtime is not Runtime.ONNXRUNTIME:
        return Profile.of(artifact, threads, error=f"{NO_EVENTS}.")
    told = entries(sent)
    if told.get("error") is not None:
        message = reason(entries(told["error"]).get("message"), LONGEST_REASON)
        return Profile.of(artifact, threads, error=message)
    nodes, plain, profiled = _nodes(told), _times(told, "plain_ms"), _times(told, "profiled_ms")
    cost = number(told.get("cost_us"), 0, 1e6)
    if not nodes or not plain or len(plain) != len(profiled) or cost is None:
        return None
    run_ms, profiled_ms = _fastest_half(plain), _fastest_half(profiled)
    parts = _parts(nodes, blocks)
    return replace(
        Profile.of(artifact, threads),
        runs=len(plain),
        run_ms=round(run_ms, 4),
        slowdown=round(profiled_ms / run_ms - 1, 4),
        cost_us=round(cost, 3),
        overhead=round(sum(each.ms for each in parts) / run_ms - 1, 4),
        parts=parts,
    )


def _fastest_half(taken: Sequence[float]) -> float:
    return mean(sorted(taken)[: (len(taken) + 1) // 2])


def _parts(nodes: list[tuple[str, str, float]], blocks: Blocks | None) -> tuple[OperatorTime, ...]:
    executed = [(name, operator) for name, operator, _ in nodes]
    places = [""] * len(nodes) if blocks is None else blocks.of_executed(executed)
    found: dict[tuple[str, str], list[float]] = {}
    for place, (_, operator, microseconds) in zip(places, nodes, strict=True):
        found.setdefault((operator, place), []).append(microseconds)
    return tuple(
        OperatorTime(operator=operator, block=block, count=len(taken), ms=round(sum(taken) / 1e3, 5))
        for (operator, block), taken in found.items()
    )


def _nodes(told: Mapping[str, Any]) -> list[tuple[str, str, float]]:
    """Name, operator and microseconds; none if one of them is not what it should be."""
    listed = told.get("nodes")
    if not isinstance(listed, list) or len(listed) > MOST_PARTS:
        return []
    nodes = []
    for each in listed:
        if not isinstance(each, list) or len(each) != 3:
            return []
        name, operator, microseconds = text(each[0], LONGEST_NAME), text(each[1], 60), number(each[2], 0, 1e10)
        if not operator or microseconds is None:
            return []
        nodes.append((name, operator, microseconds))
    return nodes


def _times(told: Mapping[str, Any], key: str) -> list[float]:
    listed = told.get(key)
    taken = [number(each, SHORTEST_MS, LONGEST_MS) for each in listed] if isinstance(listed, list) else []
    return [each for each in taken if each is not None] if None not in taken else []
