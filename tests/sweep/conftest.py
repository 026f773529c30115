"""Photographs of the demo in the places that a sweep reads from: S3 is moto's server, a process of its own."""

import importlib.util
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from safetensors.torch import save_file

from levit_edge import demo
from levit_edge.data.classes import ModelClasses
from levit_edge.data.image_set import evaluation_images
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.locations import read_bytes
from levit_edge.data.preprocess import Preprocessing
from levit_edge.documents import to_json
from levit_edge.sweep.outcome.results import SweepResults
from levit_edge.sweep.outcome.saved import read_results
from levit_edge.sweep.plan import CheckpointSource, SweepPlan
from levit_edge.sweep.sweep import sweep
from tests.arm.board import free_ports
from tests.conftest import made_once, unavailable
from tests.faults.tiny_levit import SMALL
from tests.model.conftest import seeded_levit
from tests.quantize.conftest import photographs as calibration_photographs
from tests.sweep.cluster import Cluster, running_cluster
from tests.sweep.places import Put, put_in_memory, put_locally

S3_ACCOUNT = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}


@pytest.fixture
def photographs() -> ImageSet:
    """Twelve of three classes."""
    everything = evaluation_images(demo.evaluation_dir(), ModelClasses(outputs=10))
    return everything.select([*range(3), *range(12, 17), *range(24, 28)])


@pytest.fixture
def files(photographs: ImageSet) -> dict[str, bytes]:
    """The photographs as a folder: paths and contents."""
    return {name: read_bytes(image) for name, image in zip(photographs.relative_paths, photographs.images, strict=True)}


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The URL of an S3 server."""
    if importlib.util.find_spec("moto") is None or importlib.util.find_spec("s3fs") is None:
        unavailable("an S3 server needs moto[s3,server] and s3fs")
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        [sys.executable, "-m", "moto.server", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            _wait(url, server)
            yield url
        finally:
            server.terminate()


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Puts files into a new bucket."""
    import s3fs

    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server)
    for name, value in S3_ACCOUNT.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()

    def put(files: dict[str, bytes]) -> str:
        system = s3fs.S3FileSystem(use_listings_cache=False)
        bucket = f"bucket-{uuid.uuid4().hex}"
        system.mkdir(bucket)
        for path, content in files.items():
            system.pipe_file(f"{bucket}/val/{path}", content)
        return f"s3://{bucket}/val"

    return put


@pytest.fixture(scope="module")
def ray_cluster(s3_server: str) -> Iterator[Cluster]:
    """Two nodes, `one` and `two`, which know the S3 server. Many tests share it: kill neither."""
    if importlib.util.find_spec("ray") is None:
        unavailable("a Ray cluster needs ray[client]")
    environment = {**S3_ACCOUNT, "AWS_ENDPOINT_URL": s3_server}
    with running_cluster(environment) as cluster:
        cluster.start_node("two")
        yield cluster


@pytest.fixture(scope="session")
def small_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small LeViT that nobody trained: with the names of the demo's classes, of which it guesses several."""

    def make(folder: Path) -> dict[str, Any]:
        folder.mkdir()
        names = sorted(each.name for each in demo.evaluation_dir().iterdir() if each.is_dir())
        model = seeded_levit(SMALL, seed=3)
        state = model.state_dict()
        for key, tensor in state.items():  # by random ones each layer would see less of the image
            if ".bn." in key and key.endswith(("weight", "bias")):
                tensor.fill_(key.endswith("weight"))
        state["head.l.bias"] -= model(calibration_photographs(Preprocessing.from_config(SMALL), 10)).mean(0)
        save_file(state, folder / "small.safetensors", metadata={"labels": json.dumps(names)})
        return {}

    return made_once(tmp_path_factory, "small", make)[0] / "small.safetensors"


@pytest.fixture(scope="session")
def two_recipes(small_checkpoint: Path) -> SweepPlan:
    """The small network by two recipes."""
    from tests.sweep.test_sweep import PLAN

    return replace(PLAN, checkpoints=(CheckpointSource(path=str(small_checkpoint)),))


@pytest.fixture(scope="session")
def one_recipe(two_recipes: SweepPlan) -> SweepPlan:
    """The small network by the first of them."""
    return replace(two_recipes, recipes={"mixed": two_recipes.recipes["mixed"]})


@pytest.fixture(scope="session")
def first(two_recipes: SweepPlan, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SweepResults]:
    """A whole sweep of two recipes on this machine, and where it is; nobody may change it."""
    output, _ = made_once(tmp_path_factory, "sweep", lambda output: to_json(sweep(two_recipes, str(output))))
    return output, read_results(str(output))


@pytest.fixture(params=["local", "file", "memory", pytest.param("s3", marks=pytest.mark.ray)])
def put(request: pytest.FixtureRequest, tmp_path: Path) -> Put:
    """Puts files where a sweep can read them, in each kind of place."""
    if request.param == "s3":
        return request.getfixturevalue("s3")  # type: ignore[no-any-return]
    return put_in_memory if request.param == "memory" else put_locally(tmp_path, "file://" * (request.param == "file"))


def _wait(url: str, server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        try:
            urlopen(url, timeout=5).close()  # noqa: S310 - our own server
        except OSError:
            time.sleep(0.1)
        else:
            return
        if server.poll() is not None:
            break
    pytest.fail("the S3 server does not start")
