"""Hands tasks to an engine, once each: what is in the store is taken from there, what fails is tried again."""

import asyncio
from collections import defaultdict
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

from levit_edge.errors import LevitEdgeError
from levit_edge.sweep.engines.engine import Engine
from levit_edge.sweep.outcome.results import TaskCounts
from levit_edge.sweep.tasks.call import Call, inputs_of
from levit_edge.sweep.tasks.result import Done, Failed, Listener, Result, key_of
from levit_edge.sweep.tasks.store import Store

__all__ = ["Runner", "TaskFailedError", "run_to_end"]


T = TypeVar("T")


def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run`, also where an event loop is running already, as in notebooks."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    thread = ThreadPoolExecutor(1)
    try:
        return thread.submit(asyncio.run, work).result()
    finally:
        thread.shutdown(wait=False)


class TaskFailedError(LevitEdgeError):
    """A task has failed as often as it may; the message says what it was about, why, and where its log is."""


class Runner:
    """Gets the results of calls; `counts` says what that took."""

    def __init__(
        self, store: Store, engine: Engine, environment: Mapping[str, str], listener: Listener, retries: int
    ) -> None:
        self.store, self._engine, self.listener = store, engine, listener
        self._environment, self._retries = environment, retries
        self._known = store.keys()
        self._running: dict[frozenset[str], asyncio.Task[dict[str, Result]]] = {}
        self.counts: defaultdict[str, TaskCounts] = defaultdict(TaskCounts)
        """Kind -> counts."""

    async def results(self, call: Call) -> dict[str, Result]:
        """The results of the call's task, by name; two equal tasks are one. If one is missing, it is done anew.

        Raises:
            TaskFailedError: it cannot be done.
            SweepError: the engine is lost, or the store cannot be used.
        """
        keys = {name: key_of(call.kind, inputs, self._environment) for name, inputs in inputs_of(call.task).items()}
        same = frozenset(keys.values())
        if same in self._running:
            return await asyncio.shield(self._running[same])
        task = self._running[same] = asyncio.create_task(self._results(call, keys))
        try:
            return await task
        finally:
            self.listener.ended(call.kind)

    async def result(self, call: Call) -> Result:
        """That of a task with one result; see `results`."""
        (found,) = (await self.results(call)).values()
        return found

    async def _results(self, call: Call, keys: Mapping[str, str]) -> dict[str, Result]:
        found = await asyncio.to_thread(self._stored, keys)
        if found is not None:
            self._count(call.kind, reused=1)
            return found
        built = await self._attempts(call)
        self._count(call.kind, done=1, seconds=max(each.seconds for each in built.values()))
        return built

    def _stored(self, keys: Mapping[str, str]) -> dict[str, Result] | None:
        """All results of a task, if all are there."""
        found = {}
        for name, key in keys.items():
            result = self.store.result(key) if key in self._known else None
            if result is None:
                return None
            found[name] = result
        return found

    async def _attempts(self, call: Call) -> dict[str, Result]:
        avoid = ""
        while True:
            outcome = await asyncio.wrap_future(self._engine.submit(call, avoid))
            if isinstance(outcome, Done):
                return outcome.results
            again = outcome.again and call.attempt <= self._retries
            self.listener.failed(call.kind, call.subject, outcome, again=again)
            if not again:
                self._count(call.kind, failed=1)
                raise TaskFailedError(await asyncio.to_thread(self._describe, call, outcome))
            self._count(call.kind, retried=1)
            call, avoid = replace(call, attempt=call.attempt + 1), outcome.node

    def _describe(self, call: Call, failed: Failed) -> str:
        tried = f" ({call.attempt} attempts)" if call.attempt > 1 else ""
        where = f" on {failed.node}" if failed.node else ""
        text = f"{call.kind} {call.subject}{where}{tried}: {failed.reason}"
        return f"{text} Its log: {self.store.keep_log(call.id, failed.log)}" if failed.log.strip() else text

    def _count(self, kind: str, **more: float) -> None:
        so_far = self.counts[kind]
        self.counts[kind] = replace(so_far, **{name: getattr(so_far, name) + number for name, number in more.items()})
