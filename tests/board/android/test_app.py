"""Measuring by the Android app, with a pretended phone and a pretended app: there is no phone here."""

import copy
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from fuzz.board_answers import APP_RESULT as RESULT
from levit_edge.benchmark.checks import validate
from levit_edge.benchmark.measurement import Measurement
from levit_edge.board.android import app as android_app
from levit_edge.board.android.app import measure_by_agent_or_app, measure_in_app
from levit_edge.board.measure import BenchmarkSettings
from levit_edge.board.transports.adb import AdbTransport
from levit_edge.board.transports.adb_device import AdbDevice
from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.manifest import Artifact
from levit_edge.bundle.reader import Bundle
from levit_edge.bundle.writer import new_bundle
from levit_edge.cli.show.bench import bench_table
from levit_edge.device.float16 import Float16
from levit_edge.errors import BoardError
from levit_edge.package.archive import write_archive
from levit_edge.package.package import Package
from tests.board.fake_phone import FakePhone
from tests.conftest import tiny_manifest

MODELS = {"fp32.pte": b"a float .pte", "int8.pte": b"a .pte"}
SETTINGS = BenchmarkSettings(threads=(1, 4), runs=100)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """A bundle with .pte files that nothing can run."""
    return bundle_of(MODELS, tmp_path / "bundle")


@pytest.fixture
def float16_too(tmp_path: Path) -> Bundle:
    """The same with one in float16."""
    return bundle_of(MODELS | {"int8-f16.pte": b"a half .pte"}, tmp_path / "float16")


def bundle_of(models: dict[str, bytes], path: Path) -> Bundle:
    golden = io.BytesIO()
    arrays = {name: np.full((3, 3), number, np.float32) for number, name in enumerate(models)}
    np.savez(golden, allow_pickle=False, inputs=np.zeros((3, 3, 32, 32), np.float32), **arrays)
    with new_bundle(path) as writer:
        artifacts = tuple(
            Artifact(
                file=name,
                runtime=Runtime.EXECUTORCH,
                precision=Precision(name.removesuffix(".pte")),
                size_bytes=len(content),
                sha256=writer.add(name, content),
            )
            for name, content in models.items()
        )
        writer.add("labels.txt", b"red\ngreen\nblue\n")
        writer.add("golden.npz", golden.getvalue())
        writer.add("report.html", b"<!doctype html>\n")
        writer.commit(replace(tiny_manifest(artifacts, writer.files), tools={"executorch": "1.4.1"}))
    return Bundle.open(path)


@pytest.fixture
def with_app(phone: FakePhone, monkeypatch: pytest.MonkeyPatch) -> FakePhone:
    """An Android phone with the app and without Python."""
    monkeypatch.setattr(android_app, "POLL_S", 0.05)
    phone.is_android(app=True)
    phone.app_answers(result())
    return phone


def result(**changes: Any) -> str:
    """What the app writes."""
    document = copy.deepcopy(RESULT) | {"nonce": "@nonce@", "model_sha256": "@model@"}
    return json.dumps(document | changes).replace('"threads": 4', '"threads": @threads@')


def measured(bundle: Bundle, settings: BenchmarkSettings = SETTINGS) -> Measurement:
    return measure_by_agent_or_app(bundle, AdbTransport("adb"), settings)


def message_of(bundle: Bundle, settings: BenchmarkSettings = SETTINGS) -> str:
    with pytest.raises(BoardError) as caught:
        measured(bundle, settings)
    return str(caught.value)


@pytest.mark.usefixtures("with_app")
def test_the_app_gives_a_measurement(bundle: Bundle) -> None:
    found = measured(bundle, BenchmarkSettings(threads=(1, 4), runs=100, max_latency_ms=5))
    assert [(each.artifact, each.threads, each.runs, each.error) for each in found.results] == [
        ("fp32.pte", 1, 100, ""),
        ("int8.pte", 1, 100, ""),
        ("fp32.pte", 4, 100, ""),
        ("int8.pte", 4, 100, ""),
    ]
    row = found.results[1]
    assert (row.precision, row.size_bytes) == (Precision.INT8, len(MODELS["int8.pte"]))
    assert (row.load_ms, row.first_ms, row.images_per_second) == (12.5, 8.0, 222.22)
    assert row.latency_ms is not None
    assert row.latency_ms.p99 == 6.0
    assert row.package == "executorch-android 1.4.1 (XnnpackBackend)"
    assert found.device.model == "Google Pixel 7 (Tensor G2)"
    assert (found.device.system, found.device.python) == ("Android 14 (API 34)", "none")
    assert found.device.memory_bytes > 0
    assert (found.before.throttled, found.after.throttled) == (False, None)
    assert found.gate.passed is True
    assert validate(found) == ""
    assert "each in a process of its own" in found.findings[-1]


def test_it_is_told_what_to_measure_and_leaves_nothing(with_app: FakePhone, bundle: Bundle) -> None:
    measured(bundle)
    starts = [line for line in with_app.am_log if line.startswith("start")]
    assert len(starts) == 4
    assert starts[0].startswith("start -W -S -n dev.levitedge.demo/.BenchmarkActivity --es output benchmark-")
    assert "/fp32.pte --ei runs 100 --ei warmup 20 --ei threads 1" in starts[0]
    assert "/int8.pte --ei runs 100 --ei warmup 20 --ei threads 4" in starts[3]
    assert with_app.am_log[-1] == "force-stop dev.levitedge.demo"
    assert with_app.app_files == with_app.sent_files == []


def test_each_file_is_sent_as_a_package_with_its_own_golden_output(
    with_app: FakePhone, bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In files and folders that every app may read."""
    kept = tmp_path / "kept"
    push = AdbDevice.push

    def push_and_keep(device: AdbDevice, folder: Path, there: str, **options: float) -> None:
        push(device, folder, there, **options)
        shutil.copytree(with_app.tmp / Path(there).name, kept)

    monkeypatch.setattr(AdbDevice, "push", push_and_keep)
    measured(bundle)
    for name, content in MODELS.items():
        files = {path.name: path.read_bytes() for path in (kept / name).iterdir()}
        package = Package.parse(write_archive(files), name)
        (model,) = package.document.models
        assert package.files["model.pte"] == content
        assert (package.floats(model.golden_output) == bundle.golden()[name][:2]).all()
        assert model.least_sqnr_db == (80 if name == "fp32.pte" else 20)
    assert all(path.stat().st_mode & 0o004 for path in kept.rglob("*"))
    assert all(path.stat().st_mode & 0o001 for path in (kept, *kept.iterdir()))


def test_a_phone_that_is_full_is_said_and_nothing_is_left(with_app: FakePhone, bundle: Bundle) -> None:
    with_app.is_full(
        "adb: error: failed to copy 'model.pte' to '/data/local/tmp/…': remote write failed: No space left on device"
    )
    assert "cannot be written on the device: adb: error: failed to copy" in message_of(bundle)
    assert with_app.sent_files == with_app.am_log == []


@pytest.mark.usefixtures("with_app")
def test_a_table_is_printed_of_it(bundle: Bundle) -> None:
    output = io.StringIO()
    bench_table(measured(bundle), Console(file=output, width=100))
    lines = output.getvalue().splitlines()
    for name in MODELS:
        row = next(line for line in lines if line.startswith(name))
        assert row.split()[:4] == [name, "1", "4.50", "5.00"]
        assert "–" in row


def test_a_result_is_waited_for(with_app: FakePhone, bundle: Bundle) -> None:
    with_app.app_answers(result(), running=True, after_s=0.3)
    assert measured(bundle, BenchmarkSettings(threads=(4,), runs=100)).results[0].error == ""


def test_an_app_that_takes_too_long_is_given_up(with_app: FakePhone, bundle: Bundle) -> None:
    with_app.app_answers("", running=True)
    message = message_of(bundle, BenchmarkSettings(threads=(4,), timeout_s=0.2))
    assert "the demo app is not ready yet: allow it more time with --timeout" in message
    assert with_app.am_log[-1] == "force-stop dev.levitedge.demo"


def test_an_app_that_ends_without_a_result_is_not_waited_for(with_app: FakePhone, bundle: Bundle) -> None:
    with_app.app_answers("")
    assert "ended without a result; `adb logcat`" in message_of(bundle)


def test_an_old_app_without_the_activity_is_named(with_app: FakePhone, bundle: Bundle) -> None:
    """The activity manager says so with the exit status 0 on some versions of Android."""
    with_app.app_answers("", says="Error type 3\nError: Activity class {…} does not exist.")
    assert "cannot be started: Error type 3 Error: Activity class" in message_of(bundle)


def test_an_app_that_times_the_model_it_carries_is_refused(with_app: FakePhone, bundle: Bundle) -> None:
    """As one does that does not know the extra `package`."""
    with_app.app_answers(result(model_sha256="0" * 64))
    message = message_of(bundle)
    assert "of a model 000000000000… (SHA-256); asked was" in message
    assert "install its newest version" in message
    assert len(with_app.am_log) == 2  # not once more with the other file
    assert with_app.sent_files == []


def test_other_runs_than_asked_for_are_refused(with_app: FakePhone, bundle: Bundle) -> None:
    with_app.app_answers(result(runs=10))
    assert "the demo app measured {'runs': 10," in message_of(bundle)


def test_a_failed_self_test_leaves_no_times(with_app: FakePhone, bundle: Bundle) -> None:
    with_app.app_answers(result(self_test={"passed": False, "max_abs_difference": 3.5}))
    found = measured(bundle, BenchmarkSettings(threads=(4,), max_latency_ms=5))
    assert "logits 3.5 apart" in found.results[0].error
    assert found.results[0].latency_ms is None
    assert found.gate.passed is False


@pytest.mark.parametrize(
    "settings", [BenchmarkSettings(sustained_s=10), BenchmarkSettings(runtimes=(Runtime.ONNXRUNTIME,))]
)
def test_what_the_app_cannot_do_is_refused(with_app: FakePhone, bundle: Bundle, settings: BenchmarkSettings) -> None:
    with pytest.raises(BoardError, match=r"leave --sustained, --profile and --runtime away, or install Python"):
        measure_in_app(bundle, AdbDevice("adb"), settings)
    assert with_app.am_log == []


@pytest.mark.usefixtures("with_app")
def test_a_float16_file_that_fails_in_the_app_takes_nothing_along_unless_it_was_asked_for(
    float16_too: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = android_app._run

    def failing(device: AdbDevice, there: str, artifact: Artifact, *others: Any) -> Any:
        if artifact.precision is Precision.INT8_FLOAT16:
            raise BoardError("the demo app ended without a result.")
        return run(device, there, artifact, *others)

    monkeypatch.setattr(android_app, "float16_there", lambda _facts: Float16(True, True, "it has it"))
    monkeypatch.setattr(android_app, "_run", failing)
    settings = BenchmarkSettings(threads=(4,), runs=100, max_latency_ms=5)
    found = measured(float16_too, settings)
    assert [(each.artifact, each.threads, bool(each.latency_ms), each.error) for each in found.results] == [
        ("fp32.pte", 4, True, ""),
        ("int8.pte", 4, True, ""),
        ("int8-f16.pte", 4, False, "the demo app ended without a result."),
    ]
    assert found.gate.passed is True
    assert validate(found) == ""
    assert message_of(float16_too, replace(settings, precisions=(Precision.INT8_FLOAT16,))).startswith("the demo app")


def test_a_float16_file_that_the_app_does_not_take_is_refused_before_it_is_sent(
    with_app: FakePhone, float16_too: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On x86-64 it runs, slowly; the app refuses it there."""
    slow = Float16(False, True, "x (x86_64) has no float16 arithmetic to speed it up")
    monkeypatch.setattr(android_app, "float16_there", lambda _facts: slow)
    wanted = BenchmarkSettings(threads=(4,), runs=100, precisions=(Precision.INT8_FLOAT16,))
    assert "has no float16 arithmetic to speed it up: use int8.pte" in message_of(float16_too, wanted)
    assert with_app.am_log == with_app.sent_files == []
