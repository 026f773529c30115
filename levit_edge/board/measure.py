"""Measuring a bundle on one board: the files, the agent's job, and its figures put together."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import Any

from levit_edge.benchmark.diagnosis import WANTED_SPEEDUP, findings
from levit_edge.benchmark.measurement import ArtifactTimes, Device, LatencyGate, Measurement, ModelUnderTest, SpeedUp
from levit_edge.board.answer import BenchmarkAnswer
from levit_edge.board.facts.device import describe_device, describe_state, float16_there
from levit_edge.board.float16 import without_float16
from levit_edge.board.packages import require_packages
from levit_edge.board.profile import NO_EVENTS
from levit_edge.board.session import Progress, Session
from levit_edge.board.transports.transport import Transport
from levit_edge.bundle.from_hub import name_of
from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.manifest import Artifact
from levit_edge.bundle.reader import Bundle
from levit_edge.device.golden import LEAST_SQNR_DB
from levit_edge.documents import from_json
from levit_edge.errors import BoardError, BundleError, LevitEdgeError
from levit_edge.runtime.inspect.blocks import Blocks
from levit_edge.runtime.inspect.model import ModelInspector
from levit_edge.runtime.inspect.onnxruntime import OptimisedGraph

__all__ = ["BenchmarkSettings", "Schedule", "files_to_measure", "latency_gate", "measure", "model_under_test"]

MOST_DEFAULT_THREADS = 4
RUNS, EMULATED_RUNS = 100, 2
"""Unless asked for. Emulated, an inference takes a second, and its time means nothing."""
ROUNDS = 20
RESERVE = 1 << 20
PROFILE_RESERVE = 32 << 20
"""onnxruntime's profile has some 800 bytes for each operator of each run."""


@dataclass(frozen=True, kw_only=True)
class BenchmarkSettings:
    """What to measure."""

    runtimes: tuple[Runtime, ...] | None = None
    """None: those that the board has; the others become rows that say why they are empty."""
    precisions: tuple[Precision, ...] | None = None
    """None: all that are for the board's processor."""
    threads: tuple[int, ...] | None = None
    """None: one, and as many as there are cores, but at most four; emulated, one."""
    runs: int | None = None
    """Timed runs of each file, in at most 20 rounds. None: 100; emulated, 2."""
    warm_up: int = 1
    """Untimed runs of each file in each round."""
    sustained_s: float = 0.0
    max_latency_ms: float | None = None
    profile: bool = False
    """Then say where the time of the ONNX files goes."""
    timeout_s: float | None = None
    """For everything."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """The settings' numbers for one device."""

    threads: tuple[int, ...]
    rounds: int
    """How often each file has its turn."""
    runs: int
    """Timed runs of one turn."""

    @classmethod
    def of(cls, settings: BenchmarkSettings, usable_cores: int, *, emulated: bool = False) -> "Schedule":
        """The settings', or what is usual on such a device."""
        runs = settings.runs or (EMULATED_RUNS if emulated else RUNS)
        rounds = min(ROUNDS, runs)
        usual = {1} if emulated else {1, min(usable_cores, MOST_DEFAULT_THREADS)}
        return cls(threads=settings.threads or tuple(sorted(usual)), rounds=rounds, runs=math.ceil(runs / rounds))


def measure(
    bundle: Bundle, transport: Transport, settings: BenchmarkSettings, progress: Progress | None = None
) -> Measurement:
    """Send the bundle's files to the board, check what they compute there, and time them in turns.

    Raises:
        BoardError: the board cannot be reached, is lost, lacks what it needs, or is emulated, so that no latency can be
            judged; or it fails with float16, which was asked for.
        BundleError: a file of the bundle is damaged, or there is none of the runtimes and precisions asked for.
    """
    artifacts = files_to_measure(bundle, settings)
    golden = bundle.manifest.golden_file
    bundle.golden()  # checks it: the board reads it too
    sizes = [each.size_bytes for each in artifacts]
    needed = sum(sizes) + len(bundle.read(golden)) + (PROFILE_RESERVE if settings.profile else RESERVE)
    with Session(transport, needed_bytes=needed, progress=progress, timeout_s=settings.timeout_s) as session:
        hello = session.ask("hello")
        device = describe_device(hello.get("facts"), emulator=transport.emulator)
        _refuse_emulated(transport.name, device, settings)
        float16 = float16_there(hello.get("facts"))
        left_out = without_float16(transport.name, artifacts, float16, settings.precisions)
        artifacts = [each for each in artifacts if each.file not in left_out]
        runtimes = dict.fromkeys(each.runtime for each in artifacts)
        absent = require_packages(transport.name, hello, settings.runtimes, runtimes)
        if settings.profile and Runtime.ONNXRUNTIME in absent:
            raise BoardError(f"{transport.name}: --profile needs onnxruntime: {absent[Runtime.ONNXRUNTIME]}.")
        sent = [each for each in artifacts if each.runtime not in absent]
        for name in (*(each.file for each in sent), golden):
            session.put(name, bundle.read(name))  # one at a time: of a large network all are half a gigabyte
        schedule = Schedule.of(settings, device.usable_cores, emulated=device.emulator is not None)
        job = _job(bundle, sent, golden, schedule, settings)
        answer = BenchmarkAnswer(session.ask("bench", job=job), transport.name)
    results = tuple(answer.times(artifact, count) for artifact in sent for count in schedule.threads)
    not_sent = [(each, count) for each in artifacts if each.runtime in absent for count in schedule.threads]
    without_times = [ArtifactTimes.of(each, count, error=absent[each.runtime]) for each, count in not_sent]
    speedups = () if device.emulator else answer.speedups(sent, schedule.threads)
    measured = Measurement(
        levit_edge_version=version("levit-edge"),
        created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        target=transport.name,
        bundle=name_of(bundle.path),
        model=model_under_test(bundle),
        device=device,
        before=describe_state(answer.document.get("before")),
        after=describe_state(answer.document.get("after")),
        rounds=schedule.rounds,
        runs=schedule.runs,
        warm_up=settings.warm_up,
        results=(*results, *without_times),
        left_out=left_out,
        speedups=speedups,
        sustained=answer.sustained(),
        gate=latency_gate(results, settings.max_latency_ms),
        profiles=answer.profiles(sent, schedule.threads, partial(_blocks, bundle)) if settings.profile else (),
    )
    return replace(measured, findings=findings(measured, _optimised(bundle, speedups)))


def files_to_measure(bundle: Bundle, settings: BenchmarkSettings) -> list[Artifact]:
    """The bundle's files of the runtimes and precisions that are asked for, or all.

    Raises:
        BundleError: it has none of them, or none of them is what the settings are about.
    """
    for runtime in settings.runtimes or ():
        bundle.artifact(runtime, Precision.INT8)
    artifacts = [
        each for each in bundle.manifest.artifacts if settings.runtimes is None or each.runtime in settings.runtimes
    ]
    there = {each.precision for each in artifacts}
    for precision in settings.precisions or ():
        if precision not in there:
            where = f" for {' or '.join(settings.runtimes)}" if settings.runtimes else ""
            raise BundleError(f"{bundle.path} has no {precision} artifact{where}, only {', '.join(sorted(there))}.")
    chosen = [each for each in artifacts if settings.precisions is None or each.precision in settings.precisions]
    about_int8 = settings.sustained_s > 0 or settings.max_latency_ms is not None
    if about_int8 and not any(each.precision.is_int8 for each in chosen):
        raise BundleError(
            "--sustained and --max-latency-ms are about int8 files: add --precision int8, or leave them out."
        )
    if settings.profile and not any(each.runtime is Runtime.ONNXRUNTIME for each in chosen):
        raise BundleError(
            f"--profile is for ONNX files, by onnxruntime's profiler, and none is to be measured. {NO_EVENTS}. Add"
            " --runtime onnxruntime, or leave --profile out."
        )
    return chosen


def _refuse_emulated(board: str, device: Device, settings: BenchmarkSettings) -> None:
    if device.emulator and (settings.profile or settings.max_latency_ms is not None):
        what, option = ("a profile", "--profile") if settings.profile else ("a latency gate", "--max-latency-ms")
        raise BoardError(
            f"{board}: this is emulated ({device.emulator}), and its times say nothing about any board: {what} needs a"
            f" board. Leave {option} out."
        )


def _blocks(bundle: Bundle, artifact: Artifact) -> Blocks | None:
    return Blocks.of(bundle.read(artifact.file), bundle.manifest.config)


def _optimised(bundle: Bundle, speedups: Sequence[SpeedUp]) -> OptimisedGraph | None:
    """If INT8 disappoints: what onnxruntime makes of its file on this computer, where onnx is installed to tell."""
    if not any(each.runtime is Runtime.ONNXRUNTIME and each.median < WANTED_SPEEDUP for each in speedups):
        return None
    file = bundle.artifact(Runtime.ONNXRUNTIME, Precision.INT8).file
    try:
        with ModelInspector() as inspector:
            facts = inspector.inspect(file, bundle.read(file))["as_optimised_here"]
    except LevitEdgeError:  # it was measured all the same
        return None
    return None if "not_inspected" in facts else from_json(OptimisedGraph, facts, BundleError, file)


def model_under_test(bundle: Bundle) -> ModelUnderTest:
    """What a measurement says of the model."""
    config = bundle.manifest.config
    return ModelUnderTest(
        name=f"LeViT-{config.name}",
        classes=config.classes,
        image_size=config.image_size,
        manifest_sha256=bundle.manifest_sha256,
    )


def _job(
    bundle: Bundle, artifacts: Sequence[Artifact], golden: str, schedule: Schedule, settings: BenchmarkSettings
) -> dict[str, Any]:
    size = bundle.manifest.config.image_size
    return {
        "files": [
            {"file": each.file, "runtime": str(each.runtime), "int8": each.precision.is_int8} for each in artifacts
        ],
        "threads": list(schedule.threads),
        "rounds": schedule.rounds,
        "runs": schedule.runs,
        "warm_up": settings.warm_up,
        "shape": [1, 3, size, size],
        "golden": golden,
        "least_sqnr_db": {each.file: LEAST_SQNR_DB[each.precision] for each in artifacts},
        "sustained_s": settings.sustained_s,
        "profiled_runs": schedule.rounds if settings.profile else 0,
    }


def latency_gate(results: Sequence[ArtifactTimes], limit: float | None) -> LatencyGate:
    """The gate on the fastest int8 median. Without any int8 time it fails: nothing shows that the limit is kept."""
    if limit is None:
        return LatencyGate()
    times = [each.latency_ms.p50 for each in results if each.precision.is_int8 and each.latency_ms]
    return LatencyGate(max_latency_ms=limit, passed=bool(times) and min(times) <= limit)
