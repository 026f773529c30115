"""What comes back of a task of a sweep, and what its results are kept by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from levit_edge.documents import from_json
from levit_edge.errors import SweepError
from levit_edge.system import result_cache

__all__ = ["Done", "Failed", "Listener", "Outcome", "Result", "key_of"]

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a task found out: a small document, and the names of large things."""

    value: Any
    blobs: dict[str, str] = field(default_factory=dict)
    """Name -> SHA-256 of bytes in the store."""
    seconds: float = 0.0
    """That the task took, all its results together."""

    def read(self, kind: type[T]) -> T:
        """The value as the dataclass that it is of.

        Raises:
            SweepError: it is of none such.
        """
        return from_json(kind, self.value, SweepError, "a result of the store")


@dataclass(frozen=True, kw_only=True)
class Done:
    """A task has ended well: its results are in the store."""

    results: dict[str, Result]
    """By the names that the task gives them."""


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


class Listener:
    """Hears of a sweep's tasks. This one says nothing, the default for library use: the results tell what failed."""

    def expect(self, kind: str, tasks: int) -> None:
        """So many more tasks of `kind` will come."""

    def ended(self, kind: str) -> None:
        """One has ended, well or not."""

    def failed(self, kind: str, subject: str, failed: Failed, *, again: bool) -> None:
        """An attempt has failed; `again` says whether there will be another."""


def key_of(kind: str, inputs: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """SHA-256, in hex, of all that a result depends on."""
    return result_cache.key_of([kind, inputs, dict(environment)])
