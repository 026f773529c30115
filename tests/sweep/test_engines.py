"""What an engine does with tasks that go wrong: on this machine, in a Ray cluster, and through Ray's client."""

import asyncio
import re
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from levit_edge.sweep.engines.engine import Engine
from levit_edge.sweep.engines.environment import computed_on, environment
from levit_edge.sweep.sweep import open_engine
from levit_edge.sweep.tasks.call import Call, Nothing
from levit_edge.sweep.tasks.result import Done, Failed, Listener
from levit_edge.sweep.tasks.runner import Runner, TaskFailedError, run_to_end
from levit_edge.sweep.tasks.store import Store
from tests.sweep.cluster import Cluster
from tests.sweep.held_server import HeldServer, serving
from tests.sweep.places import samples, tar
from tests.sweep.processes import connected_to, kill, parent

pytestmark = pytest.mark.ray
WAIT_S = 120
MEMORY_BYTES = 1 << 30
LARGE_BYTES = 60 << 20
SHORT_BYTES = 160 << 20
"""Enough to start with, and not for that."""


@dataclass
class Running:
    """An engine at work."""

    engine: Engine
    store: Store
    nodes: frozenset[str]
    """What failures may say of where they were."""


@pytest.fixture(scope="module", params=["local", "ray", "client"])
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    store = Store(str(tmp_path_factory.mktemp("sweep") / "store"))
    if request.param == "local":
        with open_engine("local", store, environment(), 2) as engine:
            yield Running(engine, store, frozenset({""}))
        return
    cluster: Cluster = request.getfixturevalue("ray_cluster")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", cluster.address)
        name = "ray" if request.param == "ray" else cluster.client
        with open_engine(name, store, environment(), None) as engine:
            yield Running(engine, store, frozenset({"one", "two"}))


@pytest.fixture
def server(files: dict[str, bytes]) -> Iterator[HeldServer]:
    """Three tar shards; the reading of one of them waits, and one has a large photograph."""
    shards = {f"{name}.tar": tar(samples(files, tuple(range(12)))) for name in ("held", "free")}
    with serving({**shards, "large.tar": tar({"a.jpg": bytes(LARGE_BYTES)})}) as server:
        server.hold("held.tar")
        yield server


def started(server: HeldServer) -> None:
    assert server.waiting.acquire(timeout=WAIT_S)


@pytest.mark.parametrize("victim", ["worker", "ray's worker"])
def test_a_task_whose_worker_is_killed_ends_so_and_can_be_done_again(
    running: Running, server: HeldServer, victim: str
) -> None:
    if victim != "worker" and running.nodes == {""}:
        pytest.skip("there is no Ray on this machine")
    call = server.index("held.tar", memory_bytes=MEMORY_BYTES, seconds=WAIT_S)
    future = running.engine.submit(call)
    started(server)
    (busy,) = connected_to(server.server_port)
    kill(busy if victim == "worker" else parent(busy))
    outcome = future.result(timeout=WAIT_S)
    assert isinstance(outcome, Failed)
    said = "killed by SIGKILL" if victim == "worker" else "its Ray worker died"
    assert said in outcome.reason
    assert (outcome.again, outcome.node in running.nodes) == (True, True), outcome
    server.release()
    assert isinstance(running.engine.submit(call, avoid=outcome.node).result(timeout=WAIT_S), Done)


def test_limits_of_time_and_memory_end_a_task(running: Running, server: HeldServer) -> None:
    slow = running.engine.submit(server.index("held.tar", memory_bytes=MEMORY_BYTES, seconds=2))
    large = running.engine.submit(server.index("large.tar", memory_bytes=SHORT_BYTES, seconds=WAIT_S))
    late = slow.result(timeout=WAIT_S)
    assert isinstance(late, Failed)
    assert (late.reason, late.again) == ("took longer than 2 s", True)
    short = large.result(timeout=WAIT_S)
    assert isinstance(short, Failed)
    assert re.search("out of memory|not enough memory", short.reason), short
    assert short.again
    enough = server.index("large.tar", memory_bytes=MEMORY_BYTES, seconds=WAIT_S)
    assert isinstance(running.engine.submit(enough).result(timeout=WAIT_S), Done)


def test_a_task_that_always_dies_is_given_up_and_the_others_go_on(running: Running, server: HeldServer) -> None:
    expected = computed_on(environment(), running.engine.processors)
    stop = threading.Event()

    def crash() -> None:
        while not stop.wait(0.1):
            if server.waiting.acquire(blocking=False):
                kill(*connected_to(server.server_port), number=signal.SIGSEGV)

    async def both(runner: Runner) -> list[object]:
        calls = [server.index(name, memory_bytes=MEMORY_BYTES, seconds=WAIT_S) for name in ("held.tar", "free.tar")]
        return list(await asyncio.gather(*map(runner.results, calls), return_exceptions=True))

    runner = Runner(running.store, running.engine, expected, Listener(), retries=1)
    crashing = threading.Thread(target=crash)
    crashing.start()
    try:
        failed, done = run_to_end(both(runner))
    finally:
        stop.set()
        crashing.join()
    assert isinstance(done, dict)
    assert isinstance(failed, TaskFailedError)
    assert "(2 attempts): its process died (killed by SIGSEGV)" in str(failed)
    log = Path(str(failed).rpartition("Its log: ")[2])
    assert "Fatal Python error: Segmentation fault" in log.read_text()
    counts = runner.counts["index"]
    assert (counts.done, counts.reused, counts.failed, counts.retried) == (1, 0, 1, 1)


def test_many_small_tasks_are_done(running: Running) -> None:
    calls = [Call(task=Nothing(number=i), subject=f"{i}", memory_bytes=MEMORY_BYTES) for i in range(50)]
    outcomes = [each.result(timeout=WAIT_S) for each in [running.engine.submit(call) for call in calls]]
    assert all(isinstance(each, Done) for each in outcomes), outcomes
    assert len(running.store.keys()) >= len(calls)
