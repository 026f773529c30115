"""Finds out whether a node of a Ray cluster can do a sweep's tasks.

`look` goes to the node by value, so that one without levit-edge answers too; what it needs is imported in it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

__all__ = ["Run", "look", "unfit"]


class Run(TypedDict):
    """What the nodes are told of a run, and have to be like."""

    run_id: str
    store: str
    note: str
    """What the store says of itself to those who see it."""
    here: Mapping[str, str]
    """The environment of the driver."""
    processors: Sequence[str]
    """Those that may take part."""


def look(store_url: str) -> dict[str, Any]:
    """What is there: the node's `environment` and the store's `note`, or why not, `lacks` and `problem`."""
    try:
        from levit_edge.sweep.engines.environment import environment
        from levit_edge.sweep.tasks.store import Store

        found = environment()
    except Exception as error:  # an older levit-edge may fail in any way
        return {"lacks": f"{type(error).__name__}: {error}"}
    try:
        return {"environment": found, "note": Store(store_url).note()}
    except Exception as error:
        return {"environment": found, "note": "", "problem": str(error)}


def unfit(found: Mapping[str, Any], run: Run) -> str:
    """Why a node of which `look` tells that cannot do the tasks of `run`, and what to do; empty if it can."""
    from levit_edge.sweep.engines.environment import PROCESSOR, describe_difference

    if "lacks" in found:
        return f"has no levit-edge as this one ({found['lacks']}): pip install the same version, 'levit-edge[ray]'"
    processor = found["environment"].get(PROCESSOR, "unknown")
    if different := describe_difference(run["here"], found["environment"]):
        return f"has other versions: {different}; install the same ones"
    if found["note"] != run["note"]:
        why = found.get("problem") or "it is another folder there, or none"
        return f"does not see {run['store']} ({why}): give --output as a folder that all nodes share, or a URL"
    if processor not in run["processors"]:
        others = ", ".join(run["processors"])
        return f"has another processor: {processor} (others {others}); --any-processor allows that"
    return ""
