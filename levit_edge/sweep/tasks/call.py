"""A task of a sweep as it goes to a worker: a dataclass for each kind, as JSON."""

import json
from dataclasses import dataclass, fields, is_dataclass
from importlib import import_module
from typing import Any, ClassVar, Protocol, Self

from levit_edge.documents import from_json, to_json
from levit_edge.errors import SweepError
from levit_edge.sweep.plan import Limits
from levit_edge.sweep.tasks.result import Result, key_of
from levit_edge.sweep.tasks.store import Store

__all__ = ["PLACE", "Call", "Nothing", "Task", "inputs_of", "pack_call", "unpack_call"]

PLACE = {"place": True}
"""Metadata of a field that no result depends on: where something is whose content other fields name."""


class Task(Protocol):
    """Work for one process: a frozen dataclass of all that it takes, whose JSON `levit_edge.documents` makes."""

    kind: ClassVar[str]
    """What messages, logs and keys call it."""

    def parts(self) -> dict[str, dict[str, Any]]:
        """Name of each result -> what it depends on besides fields and environment. By default there is one result."""
        return {"": {}}

    def run(self, store: Store) -> dict[str, Result]:
        """Do it; returns all results, whose blobs are in the store."""


def inputs_of(task: Task) -> dict[str, dict[str, Any]]:
    """Name of each result -> everything that it depends on, but for the environment."""
    common = _without_places(task)
    return {name: common | more for name, more in task.parts().items()}


def _without_places(value: Any) -> Any:
    if not is_dataclass(value):
        return to_json(value)
    found = {each.name: getattr(value, each.name) for each in fields(value) if "place" not in each.metadata}
    return {name: _without_places(item) for name, item in found.items()}


@dataclass(frozen=True, kw_only=True)
class Nothing(Task):
    """What a task costs that does nothing: docs/scaling.md."""

    kind: ClassVar[str] = "nothing"
    number: int

    def run(self, _store: Store) -> dict[str, Result]:
        """See `Task`."""
        return {"": Result(value=None)}


@dataclass(frozen=True, kw_only=True)
class Call:
    """A task, and what it may take."""

    task: Task
    subject: str
    """What it is about, for people: a checkpoint, a recipe, a shard."""
    memory_bytes: int = 2 << 30
    seconds: int = 3600
    """It is ended after so long."""
    attempt: int = 1

    @classmethod
    def within(cls, limits: Limits, task: Task, subject: str, memory_bytes: int | None = None) -> Self:
        """A call that may take what the plan says, or other memory."""
        return cls(task=task, subject=subject, memory_bytes=memory_bytes or limits.memory_bytes, seconds=limits.seconds)

    @property
    def kind(self) -> str:
        """The task's."""
        return self.task.kind

    @property
    def id(self) -> str:
        """Tells it from all other calls, and each attempt at it."""
        return f"{self.kind}-{key_of(self.kind, inputs_of(self.task), {})[:16]}-{self.attempt}"


def pack_call(call: Call) -> bytes:
    """The call as JSON."""
    kind = type(call.task)
    return json.dumps({"module": kind.__module__, "kind": kind.__name__} | to_json(call)).encode()


def unpack_call(frame: bytes) -> Call:
    """What `pack_call` was given; imports no other tasks, as a worker that runs finished files needs no torch."""
    document = json.loads(frame)
    kind = getattr(import_module(document.pop("module")), document.pop("kind"))
    return Call(task=from_json(kind, document.pop("task"), SweepError, "a task"), **document)
