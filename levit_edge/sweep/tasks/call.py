"""A task of a sweep as it goes to a worker, and what comes back: JSON in both directions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from levit_edge.system import result_cache

__all__ = ["Call", "Done", "Failed", "Outcome", "Result", "key_of"]


@dataclass(frozen=True, kw_only=True)
class Call:
    """One task: work for one process, whose results are kept."""

    kind: str
    """One of `levit_edge.sweep.tasks.tasks.TASKS`."""
    subject: str
    """What it is about, for people: a checkpoint, a recipe, a shard."""
    pieces: dict[str, dict[str, Any]]
    """Name of each result -> its inputs: everything that it depends on, but for the environment."""
    places: dict[str, Any] = field(default_factory=dict)
    """Where things are that the inputs name by their content."""
    cpus: int = 1
    memory_bytes: int = 2 << 30
    seconds: int = 3600
    """It is ended after so long."""
    attempt: int = 1

    @property
    def id(self) -> str:
        """Tells it from all other calls, and each attempt at it."""
        return f"{self.kind}-{key_of(self.kind, self.pieces, {})[:16]}-{self.attempt}"


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a task found out: a small document, and the names of large things."""

    value: Any
    blobs: dict[str, str] = field(default_factory=dict)
    """Name -> SHA-256 of bytes in the store."""
    seconds: float = 0.0
    """That the task took, all its results together."""


@dataclass(frozen=True, kw_only=True)
class Done:
    """A task has ended well: its results are in the store."""

    results: dict[str, Result]
    """By the names of the call's pieces."""


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A task has not."""

    reason: str
    log: str = ""
    """What the worker wrote while it was at it."""
    node: str = ""
    """Where it was, if that is known."""
    again: bool = False
    """Whether another attempt may end otherwise."""


Outcome = Done | Failed


def key_of(kind: str, inputs: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """SHA-256, in hex, of all that a result depends on."""
    return result_cache.key_of([kind, inputs, dict(environment)])
