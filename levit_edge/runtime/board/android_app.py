"""Measuring by the Android demo app, on a device that has no Python.

The app carries a package made of a bundle. adb starts its benchmark activity, waits for the file in which it writes one
result (`levit_edge.runtime.board.android_benchmark`), takes that, and leaves neither the file nor the app running.
"""

import secrets
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version

from levit_edge.errors import BoardError
from levit_edge.runtime.board.adb_device import AdbDevice
from levit_edge.runtime.board.android_benchmark import AppBenchmark, read_app_benchmark
from levit_edge.runtime.board.android_device import describe_android
from levit_edge.runtime.board.diagnosis import findings
from levit_edge.runtime.board.hostile import text
from levit_edge.runtime.board.measure import Plan, Schedule, latency_gate, model_under_test
from levit_edge.runtime.board.results import ArtifactTimes, BoardState, Measurement
from levit_edge.runtime.board.session import Progress
from levit_edge.runtime.bundle import Bundle
from levit_edge.runtime.kinds import Runtime
from levit_edge.runtime.manifest import Artifact

__all__ = ["PACKAGE", "app_is_installed", "is_android", "measure_in_app"]

PACKAGE = "dev.levitedge.demo"
ACTIVITY = f"{PACKAGE}/.BenchmarkActivity"
FOLDER = f"/sdcard/Android/data/{PACKAGE}/files"
"""Context.getExternalFilesDir(null): the app writes there without permission, adb's shell reads there."""
PATIENCE_S = 600.0
"""For each number of threads, without --timeout."""
POLL_S = 1.0
LARGEST_RESULT = 1 << 16
NOT_YET, ENDED = 3, 4
"""Exit statuses of the script that looks for the result."""


def is_android(device: AdbDevice) -> bool:
    """Whether the device has Android's package manager; a Linux board with an adbd has none.

    Raises:
        BoardError: the device is lost.
    """
    return device.shell("command -v pm").returncode == 0


def app_is_installed(device: AdbDevice) -> bool:
    """Whether the demo app is there.

    Raises:
        BoardError: the device is lost.
    """
    done = device.shell(f"pm path {PACKAGE}")
    return done.returncode == 0 and done.stdout.startswith(b"package:")


def measure_in_app(bundle: Bundle, device: AdbDevice, plan: Plan, progress: Progress | None = None) -> Measurement:
    """Time the file of the bundle that the app carries, with each number of threads.

    Raises:
        BoardError: the app carries another model, fails, or writes something else; the plan asks for what it cannot do;
            or the device is lost.
    """
    if plan.sustained_s or (plan.runtimes is not None and Runtime.EXECUTORCH not in plan.runtimes):
        raise BoardError(
            f"{device.name}: there is no Python on the device, and the demo app cannot work without a pause or run"
            " ONNX files: leave --sustained and --runtime away, or install Python."
        )
    about = describe_android(device)
    schedule = Schedule.of(plan, about)
    asked = {"runs": schedule.rounds * schedule.runs, "warmup": schedule.rounds * plan.warm_up}
    deadline = time.monotonic() + (plan.timeout_s or PATIENCE_S * len(schedule.threads))
    runs, results = [], []
    for threads in schedule.threads:
        runs.append(_run(device, {**asked, "threads": threads}, deadline, progress))
        results.append(_times(bundle, runs[-1], device.name))
    before, after = (_state(each) for each in (runs[0].thermal_status.before, runs[-1].thermal_status.after))
    alone = (
        f"Measured by the demo app, which carries {results[0].artifact} alone: to compare it with fp32 and ONNX"
        " Runtime, install Python on the device."
    )
    return Measurement(
        levit_edge_version=version("levit-edge"),
        created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        target=device.name,
        bundle=str(bundle.path),
        model=model_under_test(bundle),
        device=about,
        before=before,
        after=after,
        rounds=1,
        runs=asked["runs"],
        warm_up=asked["warmup"],
        results=tuple(results),
        findings=(*findings(device=about, before=before, after=after, results=results, speedups=()), alone),
        gate=latency_gate(results, plan.max_latency_ms),
    )


def _run(device: AdbDevice, asked: Mapping[str, int], deadline: float, progress: Progress | None) -> AppBenchmark:
    """One start of the activity, which does in one turn what the agent does in all of its turns."""
    nonce = secrets.token_hex(16)
    output = f"benchmark-{nonce}.json"
    threads = "1 thread" if asked["threads"] == 1 else f"{asked['threads']} threads"
    extras = ["--es", "output", output, "--es", "nonce", nonce]
    extras += [part for name, value in asked.items() for part in ("--ei", name, str(value))]
    with _activity(device, extras, f"{FOLDER}/{output}"):
        while (content := _result(device, f"{FOLDER}/{output}")) is None:
            if progress is not None:
                progress(f"demo app, {threads}", 0, None)
            if time.monotonic() > deadline:
                raise BoardError(f"{device.name}: the demo app is not ready yet: allow it more time with --timeout.")
            time.sleep(POLL_S)
    result = read_app_benchmark(content, nonce, device.name)
    done = {name: getattr(result, name) for name in asked}
    if done != asked:
        raise BoardError(
            f"{device.name}: the demo app measured {done}, asked was {dict(asked)}: install its newest version."
        )
    return result


@contextmanager
def _activity(device: AdbDevice, extras: Sequence[str], output: str) -> Iterator[None]:
    """The activity at work; however this is left, the app ends and its file is removed."""
    try:
        started = device.shell(f"am start -W -S -n {ACTIVITY} {shlex.join(extras)}")
        said = (started.stdout + started.stderr).decode("utf-8", "replace")
        if started.returncode or "Error" in said:
            raise BoardError(
                f"{device.name}: the demo app's benchmark cannot be started: {text(said, 400)}. Is its newest version"
                " installed?"
            )
        yield
    finally:
        with suppress(BoardError):
            device.shell(f"am force-stop {PACKAGE}; rm -f {output}")


def _result(device: AdbDevice, output: str) -> bytes | None:
    """What the app wrote, which renames its file when that is whole; looked for once more if the app has ended."""
    take = f"[ -f {output} ] && exec head -c {LARGEST_RESULT} {output}"
    done = device.shell(f"{take}; pidof {PACKAGE} >/dev/null && exit {NOT_YET}; {take}; exit {ENDED}")
    if done.returncode == ENDED:
        raise BoardError(
            f"{device.name}: the demo app ended without a result; `adb logcat` shows what happened to {PACKAGE}."
        )
    if done.returncode not in {0, NOT_YET}:
        said = text(done.stderr.decode("utf-8", "replace"), 400)
        raise BoardError(f"{device.name}: the demo app's result cannot be read: {said or done.returncode}.")
    return done.stdout if done.returncode == 0 else None


def _times(bundle: Bundle, result: AppBenchmark, board: str) -> ArtifactTimes:
    artifact = _carried(bundle, result.model_sha256, board)
    package = f"executorch-android {text(result.executorch_version, 40)}"
    delegates = ", ".join(text(each, 40) for each in result.delegates)
    row = ArtifactTimes(
        artifact=artifact.file,
        runtime=artifact.runtime,
        precision=artifact.precision,
        size_bytes=artifact.size_bytes,
        threads=result.threads,
        package=f"{package} ({delegates or 'no delegate'})",
    )
    if not result.self_test.passed:
        failed = (
            "it does not compute there what it computed where it was made: the app's self-test finds logits"
            f" {result.self_test.max_abs_difference:g} apart"
        )
        return replace(row, error=failed)
    return replace(
        row,
        runs=result.runs,
        load_ms=result.load_ms,
        first_ms=result.first_ms,
        latency_ms=result.latency_ms,
        images_per_second=round(1000 / result.latency_ms.p50, 2),
    )


def _carried(bundle: Bundle, sha256: str, board: str) -> Artifact:
    files = [each for each in bundle.manifest.artifacts if each.runtime is Runtime.EXECUTORCH]
    for artifact in files:
        if artifact.sha256 == sha256:
            return artifact
    names = " nor ".join(f"{each.file} ({each.sha256[:12]}…)" for each in files)
    raise BoardError(
        f"{board}: the demo app carries another model (SHA-256 {sha256[:12]}…), not {names or 'any .pte'} of"
        f" {bundle.path}: build the app with this bundle's package and install it again."
    )


def _state(thermal_status: int | None) -> BoardState:
    """From THERMAL_STATUS_LIGHT, 1, on the device limits its clock."""
    return BoardState(throttled=None if thermal_status is None else thermal_status > 0)
