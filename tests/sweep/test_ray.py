"""Sweeps on real Ray clusters of processes on loopback, some of which are killed on the way."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from levit_edge import demo
from levit_edge.bundle.reader import Bundle
from levit_edge.errors import ExitStatus, SweepError
from levit_edge.runtime.evaluation.verify import verify
from levit_edge.sweep.engines.environment import environment
from levit_edge.sweep.outcome.results import SweepResults
from levit_edge.sweep.plan import Evaluation, SweepPlan
from levit_edge.sweep.sweep import open_engine, sweep
from levit_edge.sweep.tasks.store import Store
from tests.conftest import REPOSITORY
from tests.integration.conftest import COMMAND
from tests.sweep.cluster import Cluster, running_cluster
from tests.sweep.held_server import HeldServer, serving
from tests.sweep.processes import connected_to, kill, tree, wait_for, workers
from tests.sweep.shards import write_shards
from tests.sweep.test_sweep import done, metrics

pytestmark = pytest.mark.ray
SHARDS = 4
Swept = tuple[Path, SweepResults]


@pytest.fixture(scope="module")
def on_ray(ray_cluster: Cluster, one_recipe: SweepPlan, tmp_path_factory: pytest.TempPathFactory) -> Swept:
    """Through Ray's client one recipe of the sweep `first` on this machine."""
    output = tmp_path_factory.mktemp("ray") / "output"
    return output, sweep(one_recipe, str(output), engine=ray_cluster.client)


@pytest.fixture
def joined(ray_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> str:
    """The engine that is the shared cluster as one of its machines sees it."""
    monkeypatch.setenv("RAY_ADDRESS", ray_cluster.address)
    return "ray"


@pytest.fixture
def output(on_ray: Swept, tmp_path: Path) -> Path:
    """An output with the store that the sweep has left."""
    shutil.copytree(on_ray[0] / "store", tmp_path / "output" / "store")
    return tmp_path / "output"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[HeldServer]:
    """The evaluation's photographs in tar shards, two of which are held."""
    write_shards(tmp_path / "shards", SHARDS)
    with serving({path.name: path.read_bytes() for path in (tmp_path / "shards").iterdir()}) as server:
        server.hold("val-000.tar", "val-001.tar")
        yield server


@pytest.fixture
def plan(server: HeldServer, small_checkpoint: Path, tmp_path: Path) -> Path:
    """One recipe, whose files are in the store, evaluated on what the server has."""
    path = tmp_path / "plan.toml"
    path.write_text(
        f'[[checkpoints]]\npath = "{small_checkpoint}"\n[recipes.mixed]\ncalibration_images = 16\n'
        f'[calibration]\nimages = "{demo.calibration_dir()}"\n'
        f'[evaluation]\nimages = "{server.url}/val-{{000..{SHARDS - 1:03}}}.tar"\n'
    )
    return path


@pytest.fixture
def fragile() -> Iterator[Cluster]:
    """A cluster of one node, for one test alone."""
    with running_cluster() as cluster:
        yield cluster


def start(plan: Path, output: Path, engine: str, more: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """The command."""
    arguments = [*COMMAND, "sweep", str(plan), "--output", str(output), "--engine", engine]
    variables = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    variables |= {
        "NO_COLOR": "1",
        "COLUMNS": "80",
        "RAY_AUTH_MODE": "disabled",
        "PYTHONPATH": str(REPOSITORY),
        **(more or {}),
    }
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=variables)


def finish(run: subprocess.Popen[str], status: ExitStatus) -> str:
    """Wait for it; returns what it said on standard error."""
    said, complaints = run.communicate(timeout=300)
    assert run.returncode == status, said + complaints
    assert "Traceback" not in complaints
    return complaints


def counts(output: Path, kind: str) -> dict[str, int]:
    document = json.loads((output / "results.json").read_text())
    return {name: document["tasks"][kind][name] for name in ("done", "reused", "failed", "retried")}


def check_whole(output: Path, on_ray: Swept) -> None:
    """Results are those of a sweep that nothing has happened to, and nothing half-written is left."""
    (candidate,) = json.loads((output / "results.json").read_text())["candidates"]
    assert candidate["problems"] == []
    whole = metrics(on_ray[1].candidates[0].verification)[0]
    for result in candidate["verification"]["results"]:
        del result["images_per_second"]
    assert candidate["verification"]["results"] == whole
    check_store(output)


def check_store(output: Path) -> None:
    store = Store(str(output / "store"))
    assert all(store.result(key) is not None for key in sorted(store.keys()))
    assert not [path for path in output.rglob("*") if ".partial" in path.name or path.name.endswith(".lock")]


def test_results_are_those_of_one_machine(on_ray: Swept, first: Swept, one_recipe: SweepPlan, tmp_path: Path) -> None:
    output, results = on_ray
    assert done(results) == {"index": 4, "identify": 1, "export": 1, "calibrate": 1, "quantize": 1, "evaluate": 3}
    shutil.copytree(first[0] / "store", tmp_path / "first" / "store")
    local = sweep(one_recipe, str(tmp_path / "first"))
    for here, there in zip(local.candidates, results.candidates, strict=True):
        assert here.artifacts == there.artifacts
        assert metrics(here.verification) == metrics(there.verification)
        assert (here.problems, here.front, here.winner) == ((), there.front, there.winner)
    (winner,) = [each for each in results.candidates if each.winner]
    verified = verify(Bundle.open(output / "bundles" / "small"), demo.evaluation_dir())
    assert metrics(winner.verification) == metrics(verified)
    assert "2 CPUs on one, two" in results.engine


def test_what_one_engine_has_done_another_does_not_do_again(
    on_ray: Swept, joined: str, output: Path, one_recipe: SweepPlan
) -> None:
    for engine in ("local", joined):
        results = sweep(one_recipe, str(output), engine=engine)
        assert done(results) == {}
        assert results.candidates == on_ray[1].candidates


def test_images_and_store_may_be_in_an_object_store(
    on_ray: Swept, joined: str, s3: Callable[[dict[str, bytes]], str], one_recipe: SweepPlan, tmp_path: Path
) -> None:
    import s3fs

    write_shards(tmp_path / "shards", 2)
    place = s3({path.name: path.read_bytes() for path in (tmp_path / "shards").iterdir()})
    s3fs.S3FileSystem(use_listings_cache=False).put(f"{on_ray[0]}/store", f"{place}/output/", recursive=True)
    plan = replace(one_recipe, evaluation=Evaluation(images=f"{place}/val-{{000..001}}.tar", count=120))
    results = sweep(plan, f"{place}/output", engine=joined)
    assert done(results) == {"index": 2, "evaluate": 2}
    assert metrics(results.candidates[0].verification) == metrics(on_ray[1].candidates[0].verification)


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_a_worker_that_is_killed_changes_no_result(
    on_ray: Swept, ray_cluster: Cluster, server: HeldServer, plan: Path, output: Path, engine: str
) -> None:
    run = start(plan, output, engine, {"RAY_ADDRESS": ray_cluster.address})
    assert server.waiting.acquire(timeout=120)
    kill(*set(connected_to(server.server_port)) & set(workers(str(output))))
    server.release()
    said = finish(run, ExitStatus.DONE)
    assert "its process died (killed by SIGKILL" in said
    assert "(it is tried again)" in said
    found = counts(output, "index")
    assert (found["done"], found["failed"]) == (SHARDS, 0)
    assert found["retried"] >= 1
    check_whole(output, on_ray)


def test_a_node_that_dies_is_done_without(
    on_ray: Swept, fragile: Cluster, server: HeldServer, plan: Path, output: Path
) -> None:
    two = fragile.start_node("two")
    run = start(plan, output, "ray", {"RAY_ADDRESS": fragile.address})
    for _ in range(2):  # each node has one of them
        assert server.waiting.acquire(timeout=120)
    two.kill()
    server.release()
    said = finish(run, ExitStatus.DONE)
    assert "on two: its node died (it is tried again)" in said
    assert counts(output, "index") == {"done": SHARDS, "reused": 1, "failed": 0, "retried": 1}
    check_whole(output, on_ray)


def test_without_its_head_a_sweep_ends_and_goes_on_later(
    on_ray: Swept, fragile: Cluster, server: HeldServer, plan: Path, output: Path
) -> None:
    for engine in (fragile.client, "ray"):
        shutil.rmtree(output)
        shutil.copytree(on_ray[0] / "store", output / "store")
        server.hold("val-002.tar")
        run = start(plan, output, engine, {"RAY_ADDRESS": fragile.address})
        assert server.waiting.acquire(timeout=120)
        fragile.nodes[-1].kill()
        said = finish(run, ExitStatus.BAD_INPUT)
        (message,) = [line for line in said.splitlines() if not line.startswith("index ")]
        assert message.startswith("error: the connection to the Ray cluster at ")
        assert message.endswith("What is done is kept: the same command goes on with it.")
        check_store(output)
        server.release()
        fragile.start_head()
    finish(start(plan, output, "ray", {"RAY_ADDRESS": fragile.address}), ExitStatus.DONE)
    check_whole(output, on_ray)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_what_is_interrupted_leaves_no_workers_and_goes_on(
    on_ray: Swept, ray_cluster: Cluster, server: HeldServer, plan: Path, output: Path, number: signal.Signals
) -> None:
    run = start(plan, output, "ray", {"RAY_ADDRESS": ray_cluster.address})
    assert server.waiting.acquire(timeout=120)
    assert workers(str(output))
    run.send_signal(number)
    said = run.communicate(timeout=300)[1]
    assert run.returncode == (ExitStatus.INTERRUPTED if number == signal.SIGINT else -signal.SIGKILL)
    assert "Traceback" not in said
    wait_for(lambda: not workers(str(output)))
    check_store(output)
    server.release()
    finish(start(plan, output, ray_cluster.client), ExitStatus.DONE)
    check_whole(output, on_ray)


def test_nodes_that_cannot_do_it_are_named(fragile: Cluster, tmp_path: Path) -> None:
    """Those of another processor are allowed on demand; here the processor is what torch is told to take it for."""
    store = Store(str(tmp_path / "output" / "store"))
    here = environment()
    fragile.start_node("other-processor", environment={"ATEN_CPU_CAPABILITY": "default"})
    with pytest.raises(SweepError, match=r"another processor.*--any-processor"), _engine(fragile.client, store):
        pass
    with open_engine(fragile.client, store, here, None, any_processor=True) as engine:
        assert len(engine.processors) == 2

    changed, without = tmp_path / "changed", tmp_path / "without"
    shutil.copytree(REPOSITORY / "levit_edge", changed / "levit_edge", ignore=shutil.ignore_patterns("__pycache__"))
    with (changed / "levit_edge" / "system/memory.py").open("a") as file:
        file.write("\n")
    without.mkdir()
    (without / "sitecustomize.py").write_text("import sys\nsys.modules['levit_edge'] = None\n")
    fragile.start_node("changed", environment={"PYTHONPATH": str(changed)})
    fragile.start_node("without", environment={"PYTHONPATH": str(without)})
    hide = f'mount -t tmpfs none {tmp_path / "output"} && exec "$@"'
    fragile.start_node("blind", within=("unshare", "--mount", "sh", "-c", hide, "sh"))
    with pytest.raises(SweepError) as caught, open_engine(fragile.client, store, here, None, any_processor=True):
        pass
    said = str(caught.value)
    assert "changed has other versions: levit-edge's source" in said
    assert "without has no levit-edge as this one (ModuleNotFoundError" in said
    assert f"blind does not see {store.url} (it is another folder there, or none)" in said
    assert not {" one ", "other-processor"} & set(said.rsplit(":", maxsplit=1)[-1].split())


def _engine(name: str, store: Store):  # type: ignore[no-untyped-def]
    return open_engine(name, store, environment(), None)


def test_clusters_that_cannot_be_used_are_refused_in_one_sentence(
    ray_cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    store = Store(str(tmp_path))

    def message(engine: str) -> str:
        with pytest.raises(SweepError) as caught, _engine(engine, store):
            pass
        assert len(str(caught.value)) < 500
        return str(caught.value)

    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    for engine in ("ray", "ray://127.0.0.1:1", "ray://nowhere.invalid:10001"):
        assert "no Ray cluster answers at " in message(engine)
    assert "expected HOST:PORT" in message("ray://head")
    monkeypatch.setenv("RAY_ADDRESS", ray_cluster.address)
    with monkeypatch.context() as older:
        older.setattr(ray, "__version__", "2.1.0")
        for engine in ("ray", ray_cluster.client):
            assert "Install the same versions of Ray and Python" in message(engine)
    with monkeypatch.context() as bare:
        bare.setitem(sys.modules, "ray", None)
        assert "pip install 'levit-edge[ray]'" in message("ray")


def test_without_a_cluster_one_of_this_machine_is_started_that_reports_nothing(
    on_ray: Swept, tmp_path: Path, output: Path, server: HeldServer, plan: Path
) -> None:
    """What Ray would tell its makers goes to a server of ours; a head of `ray start` that may report is heard there."""
    with serving({}) as makers, TemporaryDirectory(prefix="ray-", dir="/tmp") as short:  # for the paths of sockets
        variables = {
            "HOME": str(tmp_path),
            "RAY_TMPDIR": short,
            "RAY_worker_niceness": "0",
            "RAY_USAGE_STATS_ENABLED": "1",
            "RAY_USAGE_STATS_REPORT_URL": makers.url,
            "RAY_USAGE_STATS_REPORT_INTERVAL_S": "1",
        }
        run = start(plan, output, "ray", variables)
        assert server.waiting.acquire(timeout=120)
        started = tree(run.pid)
        time.sleep(5)
        server.release()
        said = finish(run, ExitStatus.DONE)
        assert makers.posted == 0
    assert all(line.startswith("index") for line in said.splitlines()), said
    assert json.loads((output / "results.json").read_text())["engine"].startswith("Ray on this machine alone, ")
    wait_for(lambda: not any(Path(f"/proc/{each}").exists() for each in started), 30)
    assert connected_to(server.server_port) == []
    assert not (tmp_path / ".ray").exists()  # where Ray keeps tokens
    check_whole(output, on_ray)
