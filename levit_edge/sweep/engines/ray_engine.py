"""Tasks on a Ray cluster: https://docs.ray.io. Only the modules `ray_…` of this folder import Ray."""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import replace
from queue import SimpleQueue
from types import TracebackType
from typing import Self, TypeVar

from levit_edge.errors import SweepError
from levit_edge.sweep.engines.ray_connection import RayConnection
from levit_edge.sweep.engines.ray_errors import GO_ON, death_of, lost, node_in
from levit_edge.sweep.engines.ray_nodes import Node, alive_nodes, look_at, on_each
from levit_edge.sweep.engines.ray_probe import Run
from levit_edge.sweep.engines.ray_worker import do, take_log
from levit_edge.sweep.tasks.call import Call, pack_call
from levit_edge.sweep.tasks.result import Failed, Outcome
from levit_edge.sweep.tasks.store import Store

__all__ = ["RayEngine"]

HEAD_SECONDS = 15
"""In which the head has to say which nodes are alive."""
LOG_SECONDS = 15
PAUSE_SECONDS = 2
THREADS = 8
"""That hand tasks to Ray and take their outcomes."""

T = TypeVar("T")


class RayEngine:
    """A Ray cluster; see `levit_edge.sweep.engines.engine.Engine`.

    `address` is `ray` (the cluster of RAY_ADDRESS, or the one that this machine is part of, or else one of this
    machine alone that ends with the run) or `ray://host:port`, Ray's client server. Processes have one engine at a
    time, as they have one Ray.
    """

    def __init__(
        self, store: Store, here: Mapping[str, str], run_id: str, *, address: str, any_processor: bool = False
    ) -> None:
        self._store, self._here, self._run_id, self._any_processor = store, here, run_id, any_processor
        self._cluster = RayConnection(address)
        self._nodes: dict[str, Node] = {}
        self.processors: Sequence[str] = ()
        """Those of all nodes, each once."""
        self._waiting: dict[Future[Outcome], Call] = {}
        self._lock = threading.Lock()
        self._left = threading.Event()
        self._work: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def __enter__(self) -> Self:
        with ExitStack() as connected:
            connected.enter_context(self._cluster.opened())
            self._look()
            self._connected = connected.pop_all()
        for each in (self._watch, *(self._serve,) * THREADS):
            _in_background(each)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._left.set()
        self._connected.close()
        for _ in range(THREADS):
            self._work.put(lambda: None)  # wakes it, to end

    @property
    def description(self) -> str:
        """Which cluster, of how many nodes and processors."""
        cpus = f"{sum(node.cpus for node in self._nodes.values()):g} CPUs"
        if self._cluster.address is None:
            return f"Ray on this machine alone, {cpus}"
        names = ", ".join(sorted(node.name for node in self._nodes.values()))
        return f"Ray cluster {self._cluster.address}, {cpus} on {names}"

    def submit(self, call: Call, avoid: str = "") -> Future[Outcome]:
        """Run `call` on a node that has room for it; see `Engine`."""
        future: Future[Outcome] = Future()
        future.set_running_or_notify_cancel()
        with self._lock:
            self._waiting[future] = call
        self._in_thread(future, lambda: self._start(future, call, avoid))
        return future

    def _look(self) -> None:
        """Find out who takes tasks, and whether all of them can do them.

        Raises:
            SweepError: some cannot, or there is none.
        """
        import ray

        self._do = ray.remote(do)  # made once, as it goes to the workers anew each time that it is made
        note = self._store.leave_note()
        self._nodes = alive_nodes()
        if not self._nodes:
            raise SweepError(f"no node of {self._cluster.name} takes tasks: start one with `ray start` and --num-cpus.")
        run = Run(run_id=self._run_id, store=self._store.url, note=note, here=self._here, processors=())
        run, problems = look_at(self._nodes, run, any_processor=self._any_processor)
        if problems:
            raise SweepError(f"{self._cluster.name} cannot do this sweep: {' '.join(problems)}")
        self.processors, self._run = run["processors"], json.dumps(run)

    def _start(self, future: Future[Outcome], call: Call, avoid: str) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        if not any(node.takes(call) for node in self._nodes.values()):
            raise SweepError(
                f"no node of {self._cluster.name} has 1 CPU and {call.memory_bytes >> 20} MiB of memory for "
                f"{call.kind} {call.subject}: lower memory_mib in the plan's [limits], or add a node. {GO_ON}"
            )
        other = next((n for n in self._nodes.values() if avoid and n.name != avoid and n.takes(call)), None)
        options = {} if other is None else {"scheduling_strategy": NodeAffinitySchedulingStrategy(other.id, soft=True)}
        title = f"{call.kind} {call.subject}"
        task = self._do.options(num_cpus=1, memory=call.memory_bytes, max_retries=0, name=title, **options)
        reference = task.remote(pack_call(call), call.id, call.seconds, self._run)
        reference.future().add_done_callback(
            lambda done: self._in_thread(future, lambda: self._settle(future, self._outcome(call, done)))
        )

    def _outcome(self, call: Call, done: Future[Outcome]) -> Outcome:
        """What came of a Ray task; if the cluster is lost, any error."""
        import ray.exceptions as of_ray

        try:
            outcome = done.result()
        except of_ray.RaySystemError:
            raise
        except of_ray.RayError as error:
            return self._death(call, error)
        return replace(outcome, node=self._node_name(outcome.node)) if isinstance(outcome, Failed) else outcome

    def _death(self, call: Call, error: Exception) -> Failed:
        """Why a task has no outcome, which node it was on, and what its worker has written."""
        reason, node = death_of(error), self._node_name(node_in(error) or "")  # before those that live are asked for
        logs = on_each(self._head_says(), take_log, (self._run_id, call.id), LOG_SECONDS)
        left, log = next(((at, text) for at, text in logs.items() if text is not None), ("", ""))
        return Failed(reason=reason, log=log, node=node or self._node_name(left), again=True)

    def _watch(self) -> None:
        """Give up what waits when the head is lost, and what no node that is left can take."""
        while not self._left.wait(PAUSE_SECONDS):
            try:
                self._nodes = self._head_says()
            except Exception as error:
                with self._lock:
                    waiting = list(self._waiting)
                for future in waiting:
                    self._settle(future, lost(self._cluster.name, error))
                return
            with self._lock:
                stranded = [
                    f for f, call in self._waiting.items() if not any(n.takes(call) for n in self._nodes.values())
                ]
            for future in stranded:
                gone = f"the nodes of {self._cluster.name} that had room for it are gone. {GO_ON}"
                self._settle(future, SweepError(gone))

    def _head_says(self) -> dict[str, Node]:
        """The nodes that are alive; some error if the head does not say."""
        return _in_background(alive_nodes).result(HEAD_SECONDS)

    def _in_thread(self, future: Future[Outcome], work: Callable[[], None]) -> None:
        """Ray's calls block when its head is lost, and whoever awaits must not."""

        def guarded() -> None:
            try:
                work()
            except SweepError as error:
                self._settle(future, error)
            except Exception as error:
                self._settle(future, lost(self._cluster.name, error))

        self._work.put(guarded)

    def _serve(self) -> None:
        while not self._left.is_set():
            self._work.get()()

    def _settle(self, future: Future[Outcome], outcome: Outcome | SweepError) -> None:
        with self._lock:
            if self._waiting.pop(future, None) is None:
                return
        if isinstance(outcome, SweepError):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)

    def _node_name(self, node: str) -> str:
        return self._nodes[node].name if node in self._nodes else node[:12]


def _in_background(work: Callable[[], T]) -> Future[T]:
    """Do it in a thread that nobody waits for at the end: Ray's calls can block when its head is lost."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except Exception as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future
