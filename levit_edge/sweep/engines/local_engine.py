"""Tasks in processes of this machine."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from levit_edge.errors import DataError, SweepError
from levit_edge.sweep.engines.environment import PROCESSOR
from levit_edge.sweep.engines.worker_process import WorkerProcess
from levit_edge.sweep.tasks.call import Call, pack_call
from levit_edge.sweep.tasks.result import Outcome
from levit_edge.system.worker import Helpers

__all__ = ["LocalEngine"]


class LocalEngine:
    """`workers` processes, each with one task at a time; see `levit_edge.sweep.engines.engine.Engine`.

    A task that takes more than its memory fails alone. `memory_bytes` bounds what all running tasks may take together:
    a task waits until there is room, or until it is alone.
    """

    def __init__(
        self, store_url: str, environment: dict[str, str], run_id: str, *, workers: int, memory_bytes: int
    ) -> None:
        self._store_url, self._environment, self._run_id = store_url, environment, run_id
        self._workers = workers
        self._free = memory_bytes
        self._running = 0
        self._room = threading.Condition()
        self._helpers = Helpers()
        self._of_thread = threading.local()
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="sweep", initializer=self._equip)

    def __enter__(self) -> Self:
        self._helpers.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._helpers.__exit__(kind, error, at)
        self._threads.shutdown(wait=True)

    @property
    def description(self) -> str:
        """How many processes."""
        return f"{self._workers} process{'es' if self._workers > 1 else ''} on this machine"

    @property
    def processors(self) -> Sequence[str]:
        """This machine's."""
        return (self._environment[PROCESSOR],)

    def submit(self, call: Call, avoid: str = "") -> Future[Outcome]:  # noqa: ARG002 - there is one machine
        """Run `call` in one of the processes; see `Engine`."""
        return self._threads.submit(self._run, call)

    def _run(self, call: Call) -> Outcome:
        with self._room:
            self._room.wait_for(lambda: self._free >= call.memory_bytes or not self._running)
            self._free -= call.memory_bytes
            self._running += 1
        try:
            worker: WorkerProcess = self._of_thread.worker
            return worker.do(pack_call(call), call.id, call.seconds)
        except DataError as error:
            raise SweepError(str(error)) from error
        finally:
            with self._room:
                self._free += call.memory_bytes
                self._running -= 1
                self._room.notify_all()

    def _equip(self) -> None:
        """Give this thread its process."""
        self._of_thread.worker = WorkerProcess(self._helpers, self._store_url, self._environment, self._run_id)
