"""Tasks on a Ray cluster: https://docs.ray.io. Only this module and `ray_worker` beside it import Ray."""

import logging
import os
import re
import secrets
import signal
import socket
import sys
import tempfile
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Self, TypeVar

from levit_edge.documents import to_json
from levit_edge.errors import SweepError
from levit_edge.sweep.engines import ray_probe
from levit_edge.sweep.engines.environment import PROCESSOR
from levit_edge.sweep.engines.local_worker import unpack
from levit_edge.sweep.engines.ray_worker import do, log_id, take_log
from levit_edge.sweep.inputs.storage import local_path
from levit_edge.sweep.tasks.call import Call, Failed, Outcome
from levit_edge.sweep.tasks.store import Store

__all__ = ["RayEngine"]

CONNECT_SECONDS = 5
LOOK_SECONDS = 90
"""In which every node has to answer: it starts a process for that, and imports levit-edge."""
HEAD_SECONDS = 15
"""In which the head has to say which nodes are alive."""
LOG_SECONDS = 15
PAUSE_SECONDS = 2
THREADS = 8
"""That hand tasks to Ray and take their outcomes."""
CLIENT = "ray://"
EXPECTED = (
    f"Expected the head's address and port, {CLIENT}host:10001 for Ray's client server or host:6379 in RAY_ADDRESS; "
    "`ray status` on the head says whether it runs."
)
GO_ON = "What is done is kept: the same command goes on with it."
HELP_WITH_TOKENS = "If it takes a token: RAY_AUTH_MODE=token, with the token in RAY_AUTH_TOKEN or ~/.ray/auth_token."
LONGEST_REASON = 300
_NODE = re.compile(r"\bnode ID: ([0-9a-f]{8,})", re.IGNORECASE)

T = TypeVar("T")


@dataclass(frozen=True)
class _Node:
    """One that takes tasks."""

    id: str
    name: str
    cpus: float
    memory_bytes: float

    def takes(self, call: Call) -> bool:
        return self.cpus >= call.cpus and self.memory_bytes >= call.memory_bytes


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
        self._given = address if address.startswith(CLIENT) else None
        self._address = self._given or _own_cluster()
        self._nodes: dict[str, _Node] = {}
        self._processors: tuple[str, ...] = ()
        self._run: dict[str, Any] = {}
        self._waiting: dict[Future[Outcome], Call] = {}
        self._lock = threading.Lock()
        self._left = threading.Event()
        self._variables = ExitStack()
        self._work: SimpleQueue[Callable[[], None]] = SimpleQueue()

    def __enter__(self) -> Self:
        variables = {"RAY_USAGE_STATS_ENABLED": "0"}  # nothing is reported to anybody
        if self._address is None:  # nobody else of this machine is to use it, and no token is to stay in a file
            variables |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        self._variables.enter_context(_set(variables))
        try:
            _connect(self._address, self._given)
            self._do = _remote(do)
            self._look()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        for each in (self._watch, *(self._serve,) * THREADS):
            _in_background(each)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._left.set()
        with self._variables, suppress(ImportError), _unsaid():
            import ray

            ray.shutdown()  # ends the run's workers on all nodes
        for _ in range(THREADS):
            self._work.put(lambda: None)  # wakes it, to end

    @property
    def description(self) -> str:
        """Which cluster, of how many nodes and processors."""
        cpus = f"{sum(node.cpus for node in self._nodes.values()):g} CPUs"
        if self._address is None:
            return f"Ray on this machine alone, {cpus}"
        return f"Ray cluster {self._address}, {cpus} on {', '.join(node.name for node in self._nodes.values())}"

    @property
    def processors(self) -> Sequence[str]:
        """Those of all nodes, each once."""
        return self._processors

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

        note = self._store.leave_note()
        store = _everywhere(self._store.url)
        self._nodes = self._alive()
        if not self._nodes:
            raise SweepError(f"no node of {self._name} takes tasks: start one with `ray start` and --num-cpus.")
        ray.cloudpickle.register_pickle_by_value(ray_probe)
        found = _on_each(self._nodes, lambda _node: (ray_probe.look, (store,)), LOOK_SECONDS)
        processors = dict.fromkeys(each["environment"][PROCESSOR] for each in found.values() if "environment" in each)
        self._processors = tuple(processors if self._any_processor else [*processors][:1])
        problems = [
            f"{node.name} {ray_probe.unfit(found[node.id], self._here, note, store, self._processors)}."
            if node.id in found
            else f"{node.name} does not answer within {LOOK_SECONDS} s."
            for node in self._nodes.values()
            if node.id not in found or ray_probe.unfit(found[node.id], self._here, note, store, self._processors)
        ]
        if problems:
            raise SweepError(f"{self._name} cannot do this sweep: {' '.join(problems)}")
        self._run = {
            "store": store,
            "note": note,
            "here": dict(self._here),
            "processors": self._processors,
            "run_id": self._run_id,
        }

    def _start(self, future: Future[Outcome], call: Call, avoid: str) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        if not any(node.takes(call) for node in self._nodes.values()):
            raise SweepError(
                f"no node of {self._name} has {call.cpus} CPUs and {call.memory_bytes >> 20} MiB of memory for "
                f"{call.kind} {call.subject}: lower memory_mib in the plan's [limits], or add a node. {GO_ON}"
            )
        other = next((n for n in self._nodes.values() if avoid and n.name != avoid and n.takes(call)), None)
        options = {} if other is None else {"scheduling_strategy": NodeAffinitySchedulingStrategy(other.id, soft=True)}
        task = self._do.options(
            num_cpus=call.cpus,
            memory=call.memory_bytes,
            max_retries=0,
            name=f"{call.kind} {call.subject}",
            **options,
        )
        reference = task.remote(to_json(call), self._run)
        reference.future().add_done_callback(
            lambda done: self._in_thread(future, lambda: self._settle(future, self._outcome(call, done)))
        )

    def _outcome(self, call: Call, done: Future[tuple[str, bytes]]) -> Outcome:
        """What came of a Ray task.

        Raises:
            SweepError: the cluster is lost.
        """
        import ray.exceptions as of_ray

        try:
            node, frame = done.result()
        except of_ray.RaySystemError as error:
            raise self._lost(error) from error
        except of_ray.RayError as error:
            return self._death(call, error)
        except Exception as error:  # Ray's client raises what gRPC does
            raise self._lost(error) from error
        outcome = unpack(frame)
        return outcome if not isinstance(outcome, Failed) else replace(outcome, node=self._node_name(node))

    def _death(self, call: Call, error: Exception) -> Failed:
        """Why a task has no outcome, which node it was on, and what its worker has written."""
        import ray.exceptions as of_ray

        named = _NODE.search(str(error))
        node = self._node_name(named[1]) if named else ""
        match error:
            case of_ray.NodeDiedError() | of_ray.LocalRayletDiedError():
                reason = "its node died"
            case of_ray.OutOfMemoryError():
                reason = "killed by Ray, as its node ran out of memory"
            case of_ray.WorkerCrashedError():
                reason = "its Ray worker died, often for want of memory"
            case _:
                reason = f"Ray could not run it: {_first_line(error)}"
        nodes = self._head_says()
        logs = _on_each(nodes, lambda at: (take_log, (log_id(self._run_id, at.id), call.id)), LOG_SECONDS)
        left = next(((at, text) for at, text in logs.items() if text is not None), None)
        if left is None:
            return Failed(reason=reason, node=node, again=True)
        return Failed(reason=reason, log=left[1], node=node or self._node_name(left[0]), again=True)

    def _watch(self) -> None:
        """Give up what waits when the head is lost, and what no node that is left can take."""
        while not self._left.wait(PAUSE_SECONDS):
            try:
                self._nodes = self._head_says()
            except SweepError as error:
                with self._lock:
                    waiting = list(self._waiting)
                for future in waiting:
                    self._settle(future, error)
                return
            with self._lock:
                stranded = [
                    f for f, call in self._waiting.items() if not any(n.takes(call) for n in self._nodes.values())
                ]
            for future in stranded:
                self._settle(future, SweepError(f"the nodes of {self._name} that had room for it are gone. {GO_ON}"))

    def _head_says(self) -> dict[str, _Node]:
        """The nodes that are alive.

        Raises:
            SweepError: the head does not say.
        """
        try:
            return _in_background(self._alive).result(HEAD_SECONDS)
        except Exception as error:
            raise self._lost(error) from error

    def _alive(self) -> dict[str, _Node]:
        import ray

        alive = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]
        names = Counter(_title(node) for node in alive)
        return {
            node["NodeID"]: _Node(
                id=node["NodeID"],
                name=_title(node) if names[_title(node)] == 1 else f"{_title(node)}/{node['NodeID'][:6]}",
                cpus=node["Resources"]["CPU"],
                memory_bytes=node["Resources"].get("memory", 0),
            )
            for node in alive
        }

    def _in_thread(self, future: Future[Outcome], work: Callable[[], None]) -> None:
        """Ray's calls block when its head is lost, and whoever awaits must not."""

        def guarded() -> None:
            try:
                work()
            except SweepError as error:
                self._settle(future, error)
            except Exception as error:
                self._settle(future, self._lost(error))

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

    def _lost(self, error: Exception) -> SweepError:
        why = f" ({_first_line(error)})" if str(error) else ""
        return SweepError(f"the connection to {self._name} is lost{why}. {GO_ON}")

    def _node_name(self, node: str) -> str:
        return self._nodes[node].name if node in self._nodes else node[:12]

    @property
    def _name(self) -> str:
        return f"the Ray cluster at {self._address}" if self._address else "Ray on this machine"


def _remote(function: Callable[..., Any]) -> Any:
    """A function as Ray runs it: made once, as it goes to the workers anew each time that it is made."""
    import ray

    return ray.remote(function)


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


def _own_cluster() -> str | None:
    """The address of the cluster that this machine is part of, in the order of `ray.init`; None: there is none."""
    if given := os.environ.get("RAY_ADDRESS", ""):
        return None if given == "local" else given
    folder = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or tempfile.gettempdir()
    try:
        address = Path(folder, "ray", "ray_current_cluster").read_text(encoding="utf-8").strip()
    except OSError:
        return None
    return address if _listens(address) else None  # it was not stopped, but died


def _connect(address: str | None, given: str | None) -> None:
    """Connect to the cluster at `address`, which Ray finds by itself if it is not `given`, or start one.

    Raises:
        SweepError: Ray is not installed, the cluster cannot be reached, or has another version of Ray or Python.
    """
    try:
        import ray
    except ImportError as error:
        raise SweepError(f"--engine ray needs Ray ({error}): pip install 'levit-edge[ray]'.") from error
    if address is not None and not _listens(address):
        raise SweepError(f"no Ray cluster answers at {address}: {EXPECTED}")
    on_sigterm = signal.getsignal(signal.SIGTERM)
    options: dict[str, Any] = {"include_dashboard": False} if address is None else {}
    try:
        with _unsaid():
            ray.init(
                address=given if address else "local", log_to_driver=False, logging_level=logging.CRITICAL, **options
            )
    except Exception as error:
        what = f"the Ray cluster at {address}" if address else "Ray on this machine"
        raise SweepError(f"{what} cannot be used: {_reason(error)}") from error
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, on_sigterm)  # Ray takes it


def _listens(address: str) -> bool:
    host, _, port = address.removeprefix(CLIENT).partition("/")[0].rpartition(":")
    if not port.isdecimal():
        raise SweepError(f"{address!r} is no address of a Ray cluster; expected HOST:PORT.")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except (OSError, OverflowError):
        return False
    return True


def _on_each(
    nodes: Mapping[str, _Node], work: Callable[[_Node], tuple[Callable[..., Any], tuple[Any, ...]]], seconds: int
) -> dict[str, Any]:
    """What a function of `work`, called with its arguments, gives on each node, by node; without those that fail."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    asked = {}
    for node in nodes.values():
        function, arguments = work(node)
        there = NodeAffinitySchedulingStrategy(node.id, soft=False)
        task = ray.remote(function).options(num_cpus=0, max_retries=0, scheduling_strategy=there)
        asked[task.remote(*arguments)] = node.id
    answered, _ = ray.wait([*asked], num_returns=len(asked), timeout=seconds)
    found = {}
    for reference in answered:
        with suppress(ray.exceptions.RayError):
            found[asked[reference]] = ray.get(reference)
    return found


def _everywhere(url: str) -> str:
    """The store's URL as other machines understand it: they have a current folder of their own."""
    path = local_path(url)
    return url if path is None else str(path.absolute())


def _title(node: Mapping[str, Any]) -> str:
    """What `ray start --node-name` has called it, or its host's name."""
    name, host = str(node.get("NodeName", "")), str(node["NodeManagerHostname"])
    return host if name in {"", node["NodeManagerAddress"]} else name


def _reason(error: Exception) -> str:
    """What Ray says, without its tracebacks, and what helps."""
    said = [str(each).strip() for each in _chain(error)]
    if mismatch := next((text for text in said if "ersion mismatch" in text), None):
        return f"{' '.join(mismatch.split())} Install the same versions of Ray and Python here and there."
    if any("auth" in type(each).__name__.lower() for each in _chain(error)):
        return f"it wants a token. {HELP_WITH_TOKENS}"
    last = said[0].splitlines()[-1] if said[0] else type(error).__name__
    return f"{last[:LONGEST_REASON].rstrip('.')}. {EXPECTED} {HELP_WITH_TOKENS}"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what it came from."""
    at: BaseException | None = error
    while at is not None:
        yield at
        at = at.__cause__ or at.__context__


@contextmanager
def _set(variables: Mapping[str, str]) -> Iterator[None]:
    """Environment variables for the body; Ray has no other way."""
    former = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in former.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


@contextmanager
def _unsaid() -> Iterator[None]:
    """Ray's messages, of which its native code writes some to standard error, are not for our users."""
    sys.stderr.flush()
    saved = os.dup(2)
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device, not a path
        os.dup2(nowhere.fileno(), 2)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.getLogger("ray").setLevel(logging.CRITICAL + 1)  # Ray sets it too
        logging.getLogger("ray.util.client.logsclient").disabled = True  # it has a level of its own
        os.dup2(saved, 2)
        os.close(saved)
