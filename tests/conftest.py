"""What all tests share: the folder of references beside the repository, photographs and a bundle made on the spot."""

import dataclasses
import gc
import hashlib
import io
import json
import logging
import os
import shutil
import signal
import subprocess
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings
from PIL import Image

from levit_edge import demo
from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.manifest import (
    Artifact,
    CheckpointProvenance,
    Gate,
    ImageProvenance,
    Manifest,
    Verification,
)
from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.recipe import Recipe
from levit_edge.bundle.writer import new_bundle
from levit_edge.data.classes import ModelClasses
from levit_edge.data.preprocess import Preprocessing
from levit_edge.device.float16 import Float16
from levit_edge.model.config import CONFIGS
from levit_edge.system.progress import StageRecord
from tests.chromium import browser as browser  # noqa: PLC0414 - a fixture

# A shell starts background jobs with Ctrl-C ignored, and programs that tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

# pytest (9.2) listens also to loggers that keep their records to themselves, and where anybody listens to this one,
# torch prints the graphs of each export and describes their tensors: a fifth of its processor time.
vars(logging.getLogger("torch.__trace"))["addHandler"] = lambda _handler: None

Made = tuple[Path, dict[str, Any]]
"""A bundle, and the JSON that the command printed."""
Started = list[subprocess.Popen[bytes]]
REPOSITORY = Path(__file__).parents[1]
DEMO_SHA256 = hashlib.sha256(demo.checkpoint_path().read_bytes()).hexdigest()
DISK_KIB = 512
SLOW_KINDS = ("export", "device", "ray", "release")
LONGEST = (
    "tests/sweep/test_ray.py",
    "tests/integration/test_stand_in.py",
    "tests/web/test_page.py",
    "tests/web/test_turns.py",
    "tests/web/test_measuring.py",
    "tests/arm/test_qemu.py",
    "tests/sweep/test_sweep.py",
    "tests/docs/test_commands.py",
    "tests/integration/test_demo.py",
    "tests/integration/test_interruption.py",
    "tests/integration/test_reproduce.py",
    "tests/quantize/test_float16.py",
    "tests/quantize/test_artifacts.py",
    "tests/benchmarks/test_accuracy.py",
    "tests/fuzz/test_readers.py",
    "tests/integration/test_rescaled_stand_in.py",
    "tests/release/test_installed.py",
    "tests/golden/test_golden_int8.py",
    "tests/arm/test_ssh_failures.py",
    "tests/arm/test_ssh_evaluation.py",
    "tests/release/test_readme.py",
    "tests/benchmarks/test_robustness.py",
    "tests/integration/test_sensitivity.py",
    "tests/quantize/analysis/test_sensitivity.py",
    "tests/quantize/test_int8_attention.py",
    "tests/sweep/test_engines.py",
)
"""Files of a minute and more, the longest first, so that no worker process is left with one at the end; those that
wait for the same bundle or cluster are apart."""
settings.register_profile("shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared machine")  # no test is decided by timing


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests of the slow kinds as slow, and take files that have some before the others."""
    slow = [item for item in items if any(item.get_closest_marker(kind) for kind in SLOW_KINDS)]
    for item in slow:
        item.add_marker("slow")
    files = [*(REPOSITORY / file for file in LONGEST), *(item.path for item in slow), *(item.path for item in items)]
    places = {path: place for place, path in reversed(list(enumerate(files)))}
    items.sort(key=lambda item: places[item.path])


def pytest_collection_finish() -> None:
    """Let no search for garbage go through what all test modules import: exports make one for each file."""
    gc.collect()
    gc.freeze()


def unavailable(reason: str) -> NoReturn:
    """Skip, or fail in CI: there what our scripts can install is installed."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The shared folder of references and images; LEVIT_EDGE_SHARED overrides where it is."""
    folder = Path(os.environ.get("LEVIT_EDGE_SHARED") or REPOSITORY.parent / "shared")
    if not (folder / "golden").is_dir():
        pytest.skip(f"no reference folder at {folder}: put it there or set LEVIT_EDGE_SHARED")
    return folder.resolve()


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Runs that tests interrupt are not for the user's own runs to go on with, nor the other way round."""
    os.environ["LEVIT_EDGE_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    """The processes that were started."""
    processes: Started = []

    class Recorded(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            processes.append(self)

    monkeypatch.setattr(subprocess, "Popen", Recorded)
    return processes


@pytest.fixture
def small() -> Preprocessing:
    """A protocol for 32-pixel squares: quick to decode."""
    return Preprocessing(image_size=32, resize=36, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 512 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_KIB}k", "tmpfs", disk], check=False, capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.fixture
def read_only(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A folder in which nothing can be made: root needs a read-only disk for that."""
    if os.geteuid() == 0:
        disk: Path = request.getfixturevalue("small_disk")
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        yield disk
        return
    folder = tmp_path / "read-only"
    folder.mkdir()
    folder.chmod(0o555)
    yield folder
    folder.chmod(0o755)


@pytest.fixture
def photographs(tmp_path: Path) -> list[Path]:
    """100 photographs of 48 × 40 pixels, all different."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    paths = [folder / f"{index:03}.png" for index in range(100)]
    for index, path in enumerate(paths):
        pixels = np.random.default_rng(index).integers(0, 256, (40, 48, 3), np.uint8)
        Image.fromarray(pixels).save(path)
    return paths


@pytest.fixture(scope="session")
def labelled_photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """16, 10 and 6 noisy photographs, PNG and JPEG, of three classes; the class is mostly the brightest colour."""
    root, generator = tmp_path_factory.mktemp("labelled"), np.random.default_rng(7)
    for label, (name, count) in enumerate({"red": 16, "green": 10, "blå": 6}.items()):
        (root / name).mkdir()
        for index in range(count):
            colour = generator.uniform(90, 150, 3)
            colour[label] += 30
            pixels = np.clip(generator.normal(colour, 20, (36, 48, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / name / f"{index:02}.{'png' if index % 2 else 'jpg'}")
    return root


COLOURS = ModelClasses(outputs=3, names=("red", "green", "blå"))
"""Those of `tiny_bundle`."""


@pytest.fixture(scope="session")
def unlabelled_photographs(labelled_photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same photographs in one folder."""
    root = tmp_path_factory.mktemp("unlabelled")
    for image in sorted(labelled_photographs.glob("*/*")):
        shutil.copy(image, root / f"{image.parent.name}-{image.name}")
    return root


@pytest.fixture(scope="session")
def demo_bundle(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The bundle of `levit-edge quantize --model demo` and the JSON that it printed."""
    from tests.integration.conftest import quantize

    return made_once(tmp_path_factory, "demo", lambda output: quantize("--model", "demo", "--output", output))


@pytest.fixture(scope="session")
def stand_in_bundle(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The stand-in's bundle, made with the default recipe and judged on half of its images, and the JSON; not timed."""
    from tests.integration.conftest import quantize_stand_in

    options = ("--no-bench", "--limit", "980")
    return made_once(tmp_path_factory, "128S", lambda output: quantize_stand_in(shared, output, *options))


def made_once(tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], dict[str, Any]]) -> Made:
    """What `make` writes to a folder, and what it answers; pytest's worker processes share it, as it takes minutes."""
    root = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        root = root.parent
    folder = root / "bundles" / name / name  # in a folder of its own, where nothing but its making leaves anything
    answer = folder.with_suffix(".json")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_suffix(".lock")):
        if not answer.exists():
            answer.write_text(json.dumps(make(folder)))
    return folder, json.loads(answer.read_text())


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole bundle with two ONNX files, made without torch: a linear model of the mean colour, 32 px, 3 classes."""
    inputs = np.random.default_rng(1).normal(size=(2, 3, 32, 32)).astype(np.float32)
    weights = {"fp32.onnx": 4 * np.eye(3), "int8.onnx": 4 * np.eye(3) + [[0, 3, 0], [-2, 0, 2], [1, 0, -1]]}
    logits = {name: inputs.mean((2, 3)) @ each for name, each in weights.items()}
    golden = io.BytesIO()
    np.savez(golden, allow_pickle=False, inputs=inputs, **{name: each.astype("f4") for name, each in logits.items()})
    path = tmp_path_factory.mktemp("tiny") / "bundle"
    with new_bundle(path) as writer:
        models = {name: colour_classifier(each) for name, each in weights.items()}
        artifacts = tuple(
            Artifact(
                file=name,
                runtime=Runtime.ONNXRUNTIME,
                precision=Precision(Path(name).stem),
                size_bytes=len(model),
                sha256=writer.add(name, model),
            )
            for name, model in models.items()
        )
        writer.add("labels.txt", "red\ngreen\nblå\n".encode())
        writer.add("golden.npz", golden.getvalue())
        writer.add("report.html", b"<!doctype html>\n")
        writer.commit(tiny_manifest(artifacts, writer.files))
    return path


def with_float16(path: Path, runtime: Runtime = Runtime.EXECUTORCH) -> Bundle:
    """The bundle at `path` with an `int8-f16` file of the content of its `int8.onnx`, for a `runtime`."""
    bundle = Bundle.open(path)
    int8 = bundle.artifact(Runtime.ONNXRUNTIME, Precision.INT8)
    half = dataclasses.replace(
        int8, file=f"int8-f16{runtime.entry.suffix}", runtime=runtime, precision=Precision.INT8_FLOAT16
    )
    shutil.copy(path / int8.file, path / half.file)
    artifacts, files = (*bundle.manifest.artifacts, half), bundle.manifest.files | {half.file: half.sha256}
    return Bundle(path, dataclasses.replace(bundle.manifest, artifacts=artifacts, files=files))


@pytest.fixture
def no_float16(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor that cannot run files with float16."""
    monkeypatch.setattr("levit_edge.runtime.runner.float16_here", lambda: Float16(False, False, "Cortex-A53 has none"))


@pytest.fixture
def bundle_path(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A copy of the tiny bundle that a test may change."""
    return shutil.copytree(tiny_bundle, tmp_path / "bundle")


@pytest.fixture
def preprocessed_otherwise(bundle_path: Path) -> Callable[..., Path]:
    """Changes what the tiny bundle says of its preprocessing."""

    def change(**values: object) -> Path:
        file = bundle_path / "manifest.json"
        document = json.loads(file.read_text(encoding="utf-8"))
        document["preprocessing"] |= values
        file.write_text(json.dumps(document), encoding="utf-8")
        return bundle_path

    return change


@pytest.fixture(scope="session")
def small_pte() -> bytes:
    """A program with two XNNPACK delegates and one `cumsum` between them."""
    import torch
    from torch import Tensor, nn

    class Small(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 2)

        def forward(self, values: Tensor) -> Tensor:
            summed: Tensor = self.second(torch.cumsum(self.first(values), 1))
            return summed

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
        from executorch.exir import to_edge_transform_and_lower

        program = torch.export.export(Small().eval(), (torch.zeros(1, 4),))
        lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
        return bytes(lowered.to_executorch().buffer)


def colour_classifier(weights: npt.NDArray[np.float64]) -> bytes:
    """An ONNX file: `image` (1, 3, 32, 32) -> its mean colour times `weights` (3, classes), `logits` (1, classes)."""
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        [
            helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
            helper.make_node("Flatten", ["pooled"], ["colour"]),
            helper.make_node("Gemm", ["colour", "weights"], ["logits"]),
        ],
        "colour",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, 32, 32])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, weights.shape[1]])],
        [numpy_helper.from_array(weights.astype(np.float32), "weights")],
    )
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 18)])
    return bytes(model.SerializeToString())


def dead_process() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen(["true"]) as process:
        pass
    return process.pid


def tiny_manifest(artifacts: tuple[Artifact, ...], files: dict[str, str]) -> Manifest:
    config = dataclasses.replace(CONFIGS["demo"], image_size=32, resize=32, classes=3)
    images = ImageProvenance(source="photographs", count=2, sha256="0" * 64, files=("a.png", "b.png"))
    return Manifest(
        levit_edge_version="0.1.0",
        created_utc="2026-01-01T00:00:00+00:00",
        config=config,
        preprocessing=Preprocessing.from_config(config),
        recipe=Recipe(),
        checkpoint=CheckpointProvenance(source="tiny.pth", format="original", sha256="0" * 64),
        calibration=images,
        artifacts=artifacts,
        files=dict(files),
        tools={"onnx": "1"},
        host={"processor": "a desk calculator", "architecture": "none"},
        verification=Verification(
            samples=2,
            labelled=False,
            images=images,
            runtimes={},
            host={},
            threads=1,
            gate=Gate(max_drop_pt=None, passed=None),
            results=(),
        ),
        stages=(StageRecord(name="verify", seconds=1.5, peak_rss_bytes=2**20),),
    )
