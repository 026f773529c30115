"""What becomes of a sweep on this machine when it is ended, or its disk is: see test_engines.py for its tasks."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from levit_edge.sweep.engines.environment import environment
from levit_edge.sweep.sweep import open_engine
from levit_edge.sweep.tasks.call import Call, Nothing
from levit_edge.sweep.tasks.result import Failed
from levit_edge.sweep.tasks.store import Store
from tests.integration.conftest import COMMAND
from tests.sweep.held_server import HeldServer, serving
from tests.sweep.places import samples, tar
from tests.sweep.processes import connected_to, wait_for, workers

MEMORY_BYTES = 1 << 30
WAIT_S = 120


@pytest.fixture
def server(files: dict[str, bytes]) -> Iterator[HeldServer]:
    """A tar shard that is held, and one that is not."""
    with serving({f"{name}.tar": tar(samples(files, tuple(range(12)))) for name in ("held", "free")}) as server:
        server.hold("held.tar")
        yield server


def call(number: int) -> Call:
    return Call(task=Nothing(number=number), subject=str(number), memory_bytes=MEMORY_BYTES)


def fill(ballast: Path) -> None:
    """Leave no room on the disk."""
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(4096)) == 4096:
            pass


def test_leaving_ends_what_runs(server: HeldServer, tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    with open_engine("local", store, environment(), 2) as engine:
        engine.submit(server.index("held.tar", memory_bytes=MEMORY_BYTES))
        assert server.waiting.acquire(timeout=WAIT_S)
        assert workers(store.url)
    assert workers(store.url) == []


@pytest.mark.ray
def test_a_driver_that_is_killed_leaves_no_workers_and_another_goes_on(server: HeldServer, tmp_path: Path) -> None:
    """With a checkpoint that is none, so that only the images are read."""
    plan, output, noise = tmp_path / "plan.toml", tmp_path / "output", tmp_path / "noise.pth"
    noise.write_bytes(bytes(100))
    plan.write_text(
        f'[[checkpoints]]\npath = "{noise}"\n[winner]\nby = "size"\n[calibration]\nimages = "{server.url}/free.tar"\n'
        f'[evaluation]\nimages = "{server.url}/{{free,held}}.tar"\n'
    )
    command = [*COMMAND, "sweep", str(plan), "--output", str(output), "--workers", "1", "--json"]
    run = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert server.waiting.acquire(timeout=WAIT_S)
    assert connected_to(server.server_port)
    run.kill()
    run.communicate()
    wait_for(lambda: not connected_to(server.server_port) and not workers(str(output)), 30)
    stored = Store(str(output / "store")).keys()
    assert stored
    server.release()
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    tasks = json.loads(again.stdout)["tasks"]
    assert (tasks["index"]["reused"], tasks["index"]["done"]) == (len(stored), 1)


def test_a_store_that_cannot_be_written_fails_the_task(read_only: Path) -> None:
    with open_engine("local", Store(str(read_only / "store")), environment(), 1) as engine:
        outcome = engine.submit(call(1)).result(timeout=WAIT_S)
    assert isinstance(outcome, Failed)
    assert str(read_only / "store") in outcome.reason
    assert os.listdir(read_only) == []  # noqa: PTH208


def test_a_full_disk_fails_tasks_until_there_is_room(small_disk: Path) -> None:
    store = Store(str(small_disk / "store"))
    store.add(b"room")
    ballast = small_disk / "ballast"
    fill(ballast)
    with open_engine("local", store, environment(), 1) as engine:
        outcome = engine.submit(call(1)).result(timeout=WAIT_S)
        assert isinstance(outcome, Failed)
        assert (outcome.reason, outcome.again) == (f"{store.url}: No space left on device", True)
        ballast.unlink()
        assert not isinstance(engine.submit(call(1)).result(timeout=WAIT_S), Failed)
    assert len(store.keys()) == 1
    assert not [each for each in small_disk.rglob("*") if ".partial" in each.name]
