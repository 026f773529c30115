"""Measuring by the Android demo app, on a device that has no Python for the agent.

Each .pte of the bundle is sent as the files of a package (docs/package-format.md), so that the app checks and tests it
as it does the one that it carries. adb starts the app's benchmark activity, waits for the file in which it writes one
result (`levit_edge.board.android.benchmark`), takes that, and leaves neither files nor the app running.
"""

import secrets
import shlex
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from levit_edge.benchmark.diagnosis import findings
from levit_edge.benchmark.measurement import ArtifactTimes, BoardState, Measurement
from levit_edge.board.android.benchmark import AppBenchmark, read_app_benchmark
from levit_edge.board.android.device import android_facts
from levit_edge.board.facts.device import describe_device, float16_there
from levit_edge.board.float16 import without_float16
from levit_edge.board.measure import (
    BenchmarkSettings,
    Schedule,
    files_to_measure,
    latency_gate,
    measure,
    model_under_test,
)
from levit_edge.board.session import Progress
from levit_edge.board.transports.adb import AdbTransport
from levit_edge.board.transports.adb_device import AdbDevice
from levit_edge.board.transports.transport import Transport
from levit_edge.bundle.from_hub import name_of
from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.manifest import Artifact
from levit_edge.bundle.reader import Bundle
from levit_edge.errors import BoardError, NoPythonError
from levit_edge.package.contents import Purpose
from levit_edge.package.pack import packed_files
from levit_edge.text import text

__all__ = ["measure_by_agent_or_app", "measure_in_app"]

PACKAGE = "dev.levitedge.demo"
ACTIVITY = f"{PACKAGE}/.BenchmarkActivity"
FOLDER = f"/sdcard/Android/data/{PACKAGE}/files"
"""Context.getExternalFilesDir(null): the app writes there without permission, adb's shell reads there."""
SENT = "/data/local/tmp"
"""Where adb's shell writes and apps may read, but no other app may write: ExecuTorch's own demos take models there."""
PATIENCE_S = 600.0
"""For each file with each number of threads, without --timeout."""
POLL_S = 1.0
LARGEST_RESULT = 1 << 16
IN_THE_APP = (
    "Measured by the demo app, one file after the other, each in a process of its own: to compare them in turns, and"
    " with ONNX Runtime, install Python on the device."
)
NOT_YET, ENDED = 3, 4
"""Exit statuses of the script that looks for the result."""


def measure_by_agent_or_app(
    bundle: Bundle, transport: Transport, settings: BenchmarkSettings, progress: Progress | None = None
) -> Measurement:
    """Measure by the agent; where an Android device has no Python, by the demo app.

    Raises:
        BoardError: see `measure` and `measure_in_app`.
        BundleError: see `measure`.
        NoPythonError: there is neither Python nor the app.
    """
    try:
        return measure(bundle, transport, settings, progress)
    except NoPythonError as error:
        # a Linux board with an adbd has no package manager
        if not isinstance(transport, AdbTransport) or transport.device.shell("command -v pm").returncode:
            raise
        if not transport.device.shell(f"pm path {PACKAGE}").stdout.startswith(b"package:"):
            raise NoPythonError(
                f"{error} Without Python the demo app {PACKAGE} could measure, but it is not installed either:"
                " android_demo/README.md says how to build it."
            ) from error
        return measure_in_app(bundle, transport.device, settings, progress)


def measure_in_app(
    bundle: Bundle, device: AdbDevice, settings: BenchmarkSettings, progress: Progress | None = None
) -> Measurement:
    """Time each .pte of the bundle in the app, with each number of threads.

    Raises:
        BoardError: the app is too old, fails, or writes something else; the settings ask for what it cannot do; or the
            device is lost.
        BundleError: the bundle is damaged, or has no int8.pte.
    """
    onnx_only = settings.runtimes is not None and Runtime.EXECUTORCH not in settings.runtimes
    if settings.sustained_s or settings.profile or onnx_only:
        raise BoardError(
            f"{device.name}: there is no Python on the device, and the demo app cannot work without a pause, profile or"
            " run ONNX files: leave --sustained, --profile and --runtime away, or install Python."
        )
    bundle.artifact(Runtime.EXECUTORCH, Precision.INT8)
    facts = android_facts(device)
    about = describe_device(facts)
    programs = files_to_measure(bundle, replace(settings, runtimes=(Runtime.EXECUTORCH,)))
    float16 = float16_there(facts)
    only_fast = replace(float16, runs=float16.fast)  # the app does not take it where it is slow
    left_out = without_float16(device.name, programs, only_fast, settings.precisions)
    artifacts = [each for each in programs if each.file not in left_out]
    schedule = Schedule.of(settings, about.usable_cores, emulated=about.emulator is not None)
    asked = {"runs": schedule.rounds * schedule.runs, "warmup": schedule.rounds * settings.warm_up}
    turns = [(threads, artifact) for threads in schedule.threads for artifact in artifacts]
    deadline = time.monotonic() + (settings.timeout_s or PATIENCE_S * len(turns))
    float16_asked = Precision.INT8_FLOAT16 in (settings.precisions or ())
    runs: list[AppBenchmark | BoardError] = []
    with _sent(bundle, artifacts, device) as there:
        for threads, artifact in turns:
            if progress is not None:
                progress(f"demo app, {artifact.file}, threads: {threads}", len(runs), len(turns))
            optional = artifact.precision is Precision.INT8_FLOAT16 and not float16_asked
            with _failing(runs, optional=optional):
                runs.append(_run(device, there, artifact, {**asked, "threads": threads}, deadline))
    results = tuple(_times(artifact, threads, run) for (threads, artifact), run in zip(turns, runs, strict=True))
    ended = [each for each in runs if isinstance(each, AppBenchmark)]
    measured = Measurement(
        levit_edge_version=version("levit-edge"),
        created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        target=device.name,
        bundle=name_of(bundle.path),
        model=model_under_test(bundle),
        device=about,
        before=_state(ended[0].thermal_status.before),
        after=_state(ended[-1].thermal_status.after),
        rounds=1,
        runs=asked["runs"],
        warm_up=asked["warmup"],
        results=results,
        left_out=left_out,
        gate=latency_gate(results, settings.max_latency_ms),
    )
    return replace(measured, findings=(*findings(measured), IN_THE_APP))


@contextmanager
def _sent(bundle: Bundle, artifacts: Sequence[Artifact], device: AdbDevice) -> Iterator[str]:
    """The folder on the device where each artifact's package lies unpacked; it is removed however this is left."""
    there = f"{SENT}/levit-edge-{secrets.token_hex(8)}"
    with tempfile.TemporaryDirectory() as here:
        for artifact in artifacts:
            folder = Path(here, artifact.file)
            folder.mkdir()
            for name, content in packed_files(bundle, Purpose.ANDROID, [artifact]).items():
                (folder / name).write_bytes(content)
        try:
            device.push(Path(here), there, patience_s=PATIENCE_S)
            yield there
        finally:
            with suppress(BoardError):
                device.shell(f"rm -rf {there}")


@contextmanager
def _failing(runs: list[AppBenchmark | BoardError], *, optional: bool) -> Iterator[None]:
    """Let what goes wrong with a file that nobody asked for be its result: the others go on."""
    try:
        yield
    except BoardError as error:
        if not optional:
            raise
        runs.append(error)


def _run(device: AdbDevice, there: str, artifact: Artifact, asked: Mapping[str, int], deadline: float) -> AppBenchmark:
    """One start of the activity, which does in one turn what the agent does in all of its turns."""
    nonce = secrets.token_hex(16)
    output = f"benchmark-{nonce}.json"
    extras = ["--es", "output", output, "--es", "nonce", nonce, "--es", "package", f"{there}/{artifact.file}"]
    extras += [part for name, value in asked.items() for part in ("--ei", name, str(value))]
    with _activity(device, extras, f"{FOLDER}/{output}"):
        while (content := _result(device, f"{FOLDER}/{output}")) is None:
            if time.monotonic() > deadline:
                raise BoardError(f"{device.name}: the demo app is not ready yet: allow it more time with --timeout.")
            time.sleep(POLL_S)
    result = read_app_benchmark(content, nonce, device.name)
    done = {name: getattr(result, name) for name in asked}
    if done != asked or result.model_sha256 != artifact.sha256:
        raise BoardError(
            f"{device.name}: the demo app measured {done} of a model {result.model_sha256[:12]}… (SHA-256); asked was"
            f" {dict(asked)} of {artifact.file}, {artifact.sha256[:12]}…: install its newest version."
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


def _times(artifact: Artifact, threads: int, result: AppBenchmark | BoardError) -> ArtifactTimes:
    if isinstance(result, BoardError):
        return ArtifactTimes.of(artifact, threads, error=str(result))
    package = f"executorch-android {text(result.executorch_version, 40)}"
    delegates = ", ".join(text(each, 40) for each in result.delegates)
    row = replace(ArtifactTimes.of(artifact, result.threads), package=f"{package} ({delegates or 'no delegate'})")
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


def _state(thermal_status: int | None) -> BoardState:
    """From THERMAL_STATUS_LIGHT, 1, on the device limits its clock."""
    return BoardState(throttled=None if thermal_status is None else thermal_status > 0)
