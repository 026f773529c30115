"""Who runs tasks."""

from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager
from typing import Protocol

from levit_edge.sweep.tasks.call import Call
from levit_edge.sweep.tasks.result import Outcome

__all__ = ["Engine"]


class Engine(AbstractContextManager["Engine"], Protocol):
    """Runs calls in other processes, as many at once as there is room for; use it in a `with` statement.

    Entering finds out whether its workers can do the work; leaving ends what is still running, at once.

    Raises (on entering):
        SweepError: it cannot be reached, has no worker, or its workers have other versions or another store.
    """

    @property
    def description(self) -> str:
        """What it is, for people: where, how many processors."""

    @property
    def processors(self) -> Sequence[str]:
        """The different processors of its workers, as `levit_edge.sweep.engines.environment` describes them."""

    def submit(self, call: Call, avoid: str = "") -> Future[Outcome]:
        """Run `call` when there is room, elsewhere than on the node `avoid` if there is another one.

        The future has the outcome, also if the worker dies; it raises only if the engine itself is lost.

        Raises (from the future):
            SweepError: the engine cannot run anything any more.
        """
