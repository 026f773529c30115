"""Measuring a bundle on one board: the files, the agent's job, and its figures put together."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np

from levit_edge.benchmark.diagnosis import WANTED_SPEEDUP, findings
from levit_edge.benchmark.measurement import (
    ArtifactTimes,
    Device,
    GoldenCheck,
    Latency,
    LatencyGate,
    Measurement,
    ModelUnderTest,
    SpeedUp,
    Sustained,
    SustainedPoint,
)
from levit_edge.board.facts.device import describe_device, describe_state
from levit_edge.board.packages import require_packages, runtimes_there
from levit_edge.board.session import Progress, Session
from levit_edge.board.transports.transport import Transport
from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.manifest import Artifact
from levit_edge.bundle.reader import Bundle
from levit_edge.device.golden import LEAST_SQNR_DB
from levit_edge.documents import from_json
from levit_edge.errors import BoardError, BundleError, LevitEdgeError
from levit_edge.runtime.inspect.model import ModelInspector
from levit_edge.runtime.inspect.onnxruntime import OptimisedGraph
from levit_edge.text import entries, number, reason, text

__all__ = ["Plan", "Schedule", "latency_gate", "measure", "model_under_test"]

MOST_DEFAULT_THREADS = 4
RUNS, EMULATED_RUNS = 100, 2
"""Unless asked for. Emulated, an inference takes a second, and its time means nothing."""
ROUNDS = 20
MOST_POINTS = 30
"""Of a sustained run's curve."""
RESERVE = 1 << 20
LONGEST_REASON = 500
LARGEST = 1e15
SHORTEST_MS, LONGEST_MS = 1e-6, 1e9
"""No board gives larger figures, or other times."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to measure."""

    runtimes: tuple[Runtime, ...] | None = None
    """None: those that the board has; the others become rows that say why they are empty."""
    threads: tuple[int, ...] | None = None
    """None: one, and as many as there are cores, but at most four; emulated, one."""
    runs: int | None = None
    """Timed runs of each file, in at most 20 rounds. None: 100; emulated, 2."""
    warm_up: int = 1
    """Untimed runs of each file in each round."""
    sustained_s: float = 0.0
    max_latency_ms: float | None = None
    timeout_s: float | None = None
    """For everything."""


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A plan's numbers for one device."""

    threads: tuple[int, ...]
    rounds: int
    """How often each file has its turn."""
    runs: int
    """Timed runs of one turn."""

    @classmethod
    def of(cls, plan: Plan, device: Device) -> "Schedule":
        """The plan's, or what is usual on such a device."""
        emulated = device.emulator is not None
        runs = plan.runs or (EMULATED_RUNS if emulated else RUNS)
        rounds = min(ROUNDS, runs)
        threads = plan.threads or ((1,) if emulated else _default_threads(device.usable_cores))
        return cls(threads=threads, rounds=rounds, runs=math.ceil(runs / rounds))


def measure(bundle: Bundle, transport: Transport, plan: Plan, progress: Progress | None = None) -> Measurement:
    """Send the bundle's files to the board, check what they compute there, and time them in turns.

    Raises:
        BoardError: the board cannot be reached, is lost, lacks what it needs, or is emulated, so that no latency can be
            judged.
        BundleError: a file of the bundle is damaged, or there is none of the runtimes asked for.
    """
    artifacts = [each for each in bundle.manifest.artifacts if plan.runtimes is None or each.runtime in plan.runtimes]
    for runtime in plan.runtimes or ():
        bundle.artifact(runtime, Precision.INT8)
    golden = bundle.manifest.golden_file
    bundle.golden()  # checks it: the board reads it too
    files = {name: bundle.read(name) for name in (*(each.file for each in artifacts), golden)}
    needed = sum(map(len, files.values())) + RESERVE
    with Session(transport, needed_bytes=needed, progress=progress, timeout_s=plan.timeout_s) as session:
        hello = session.ask("hello")
        device = describe_device(hello.get("facts"), emulator=transport.emulator)
        if device.emulator and plan.max_latency_ms is not None:
            raise BoardError(
                f"{transport.name}: this is emulated ({device.emulator}), and its times say nothing about any board: a"
                " latency gate needs a board. Leave --max-latency-ms out."
            )
        absent = require_packages(
            transport.name, hello, plan.runtimes, dict.fromkeys(each.runtime for each in artifacts)
        )
        here = runtimes_there(hello)
        sent = [each for each in artifacts if each.runtime in here]
        for name in (*(each.file for each in sent), golden):
            session.put(name, files[name])
        schedule = Schedule.of(plan, device)
        answer = _Answer(session.ask("bench", job=_job(bundle, sent, golden, schedule, plan)), transport.name)
    results = tuple(answer.times(artifact, count) for artifact in sent for count in schedule.threads)
    missing = (
        _absent(artifact, count, absent[artifact.runtime])
        for artifact in artifacts
        if artifact.runtime in absent
        for count in schedule.threads
    )
    before, after = describe_state(answer.document.get("before")), describe_state(answer.document.get("after"))
    speedups = () if device.emulator else answer.speedups(sent, schedule.threads)
    sustained = answer.sustained()
    return Measurement(
        levit_edge_version=version("levit-edge"),
        created_utc=datetime.now(UTC).isoformat(timespec="seconds"),
        target=transport.name,
        bundle=str(bundle.path),
        model=model_under_test(bundle),
        device=device,
        before=before,
        after=after,
        rounds=schedule.rounds,
        runs=schedule.runs,
        warm_up=plan.warm_up,
        results=(*results, *missing),
        speedups=speedups,
        findings=findings(
            device=device,
            before=before,
            after=after,
            results=results,
            speedups=speedups,
            sustained=sustained,
            optimised=_optimised(files, sent) if _disappoints(speedups) else None,
        ),
        sustained=sustained,
        gate=latency_gate(results, plan.max_latency_ms),
    )


def _disappoints(speedups: Sequence[SpeedUp]) -> bool:
    return any(each.runtime is Runtime.ONNXRUNTIME and each.median < WANTED_SPEEDUP for each in speedups)


def _optimised(files: Mapping[str, bytes], artifacts: Sequence[Artifact]) -> OptimisedGraph | None:
    """What onnxruntime makes of the int8 file on this computer, where onnx is installed to tell."""
    for artifact in artifacts:
        if artifact.runtime is Runtime.ONNXRUNTIME and artifact.precision is Precision.INT8:
            try:
                with ModelInspector() as inspector:
                    facts = inspector.inspect(artifact.file, files[artifact.file])["as_optimised_here"]
            except LevitEdgeError:  # it was measured all the same
                return None
            if "not_inspected" in facts:
                return None
            return from_json(OptimisedGraph, facts, BundleError, artifact.file)
    return None


def _default_threads(cores: int) -> tuple[int, ...]:
    return tuple(sorted({1, min(max(cores, 1), MOST_DEFAULT_THREADS)}))


def model_under_test(bundle: Bundle) -> ModelUnderTest:
    """What a measurement says of the model."""
    config = bundle.manifest.config
    return ModelUnderTest(
        name=f"LeViT-{config.name}",
        classes=config.classes,
        image_size=config.image_size,
        manifest_sha256=bundle.manifest_sha256,
    )


def _job(bundle: Bundle, artifacts: Sequence[Artifact], golden: str, schedule: Schedule, plan: Plan) -> dict[str, Any]:
    size = bundle.manifest.config.image_size
    return {
        "files": [
            {"file": each.file, "runtime": str(each.runtime), "int8": each.precision is Precision.INT8}
            for each in artifacts
        ],
        "threads": list(schedule.threads),
        "rounds": schedule.rounds,
        "runs": schedule.runs,
        "warm_up": plan.warm_up,
        "shape": [1, 3, size, size],
        "golden": golden,
        "least_sqnr_db": {each.file: LEAST_SQNR_DB[each.precision] for each in artifacts},
        "sustained_s": plan.sustained_s,
    }


def _absent(artifact: Artifact, threads: int, reason: str) -> ArtifactTimes:
    return ArtifactTimes(
        artifact=artifact.file,
        runtime=artifact.runtime,
        precision=artifact.precision,
        size_bytes=artifact.size_bytes,
        threads=threads,
        error=reason,
    )


def latency_gate(results: Sequence[ArtifactTimes], limit: float | None) -> LatencyGate:
    """The gate on the fastest int8 median. Without any int8 time it fails: nothing shows that the limit is kept."""
    if limit is None:
        return LatencyGate()
    times = [each.latency_ms.p50 for each in results if each.precision is Precision.INT8 and each.latency_ms]
    return LatencyGate(max_latency_ms=limit, passed=bool(times) and min(times) <= limit)


class _Answer:
    """The agent's document. It comes from the board, so that nothing in it is taken for granted."""

    def __init__(self, document: Mapping[str, Any], board: str) -> None:
        self.document, self._board = document, board
        listed = document.get("entries")
        if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
            raise self._damaged("entries")
        self._entries = listed

    def times(self, artifact: Artifact, threads: int) -> ArtifactTimes:
        """One row."""
        entry = self._entry(artifact.file, threads)
        if entry is None:
            raise self._damaged(artifact.file)
        fault = entry.get("error")
        if fault is not None:
            message = fault.get("message") if isinstance(fault, dict) else fault
            return _absent(artifact, threads, reason(message, LONGEST_REASON))
        taken = np.concatenate(self._rounds(entry))
        p50, p90, p99 = (round(float(each), 4) for each in np.percentile(taken, [50, 90, 99]))
        peak, imported = self._number(entry, "peak_bytes"), self._number(entry, "imported_bytes")
        return ArtifactTimes(
            artifact=artifact.file,
            runtime=artifact.runtime,
            precision=artifact.precision,
            size_bytes=artifact.size_bytes,
            threads=threads,
            package=text(entry.get("package"), 80),
            runs=len(taken),
            load_ms=round(self._number(entry, "load_ms"), 3),
            first_ms=round(self._number(entry, "first_ms"), 3),
            latency_ms=Latency(p50=p50, p90=p90, p99=p99, min=round(float(taken.min()), 4)),
            images_per_second=round(1000 / p50, 2) if p50 else None,
            peak_rss_bytes=int(peak),
            model_rss_bytes=int(max(0, peak - imported)),
            golden=self._golden(entry),
        )

    def speedups(self, artifacts: Sequence[Artifact], threads: Sequence[int]) -> tuple[SpeedUp, ...]:
        """Of each runtime and number of threads for which both precisions ran."""
        found = []
        names = {(each.runtime, each.precision): each.file for each in artifacts}
        for runtime in dict.fromkeys(each.runtime for each in artifacts):
            for count in threads:
                pair = [
                    self._entry(names.get((runtime, precision)), count)
                    for precision in (Precision.FP32, Precision.INT8)
                ]
                timed = [self._rounds(each) for each in pair if each is not None and each.get("error") is None]
                if len(timed) < len(pair):
                    continue
                slow, fast = timed
                if len(slow) != len(fast):
                    raise self._damaged("rounds")
                ratios = [float(np.median(a)) / float(np.median(b)) for a, b in zip(slow, fast, strict=True)]
                p25, median, p75 = (round(float(each), 4) for each in np.percentile(ratios, [25, 50, 75]))
                found.append(SpeedUp(runtime=runtime, threads=count, median=median, p25=p25, p75=p75))
        return tuple(found)

    def sustained(self) -> Sustained | None:
        """The curve of continuous work, thinned out."""
        run = entries(self.document.get("sustained"))
        listed = run.get("points")
        points = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
        if not points:
            return None
        medians = [self._number(each, "p50_ms", SHORTEST_MS, LONGEST_MS) for each in points]
        fifth = max(1, len(medians) // 5)
        kept = [*points[: -1 : math.ceil(len(points) / (MOST_POINTS - 1))], points[-1]]
        return Sustained(
            artifact=text(run.get("file"), 80),
            threads=int(self._number(run, "threads")),
            points=tuple(self._point(each) for each in kept),
            slowdown=round(float(np.median(medians[-fifth:]) / np.median(medians[:fifth])), 4),
        )

    def _point(self, point: Mapping[str, Any]) -> SustainedPoint:
        state = describe_state(point.get("state"))
        return SustainedPoint(
            seconds=round(self._number(point, "seconds"), 2),
            p50_ms=round(self._number(point, "p50_ms"), 4),
            mhz=state.mhz,
            hottest=max(state.temperatures.values(), default=None),
        )

    def _golden(self, entry: Mapping[str, Any]) -> GoldenCheck:
        golden = entry.get("golden")
        if not isinstance(golden, dict):
            raise self._damaged("golden")
        signal, noise = self._number(golden, "signal"), self._number(golden, "noise")
        return GoldenCheck(
            images=int(self._number(golden, "images")),
            same_top1=int(self._number(golden, "same_top1")),
            sqnr_db=round(10 * (math.log10(signal) - math.log10(noise)), 2) if noise and signal else None,
        )

    def _rounds(self, entry: Mapping[str, Any]) -> list[Any]:
        rounds = entry.get("rounds")
        try:
            taken = [np.asarray(each, np.float64) for each in rounds] if isinstance(rounds, list) else []
        except (TypeError, ValueError, OverflowError):
            taken = []
        if not taken or not all(
            each.ndim == 1 and each.size and (each >= SHORTEST_MS).all() and (each <= LONGEST_MS).all()
            for each in taken
        ):
            raise self._damaged("rounds")
        return taken

    def _entry(self, file: str | None, threads: int) -> dict[str, Any] | None:
        return next(
            (each for each in self._entries if (each.get("file"), each.get("threads")) == (file, threads)), None
        )

    def _number(self, entry: Mapping[str, Any], key: str, low: float = 0, high: float = LARGEST) -> float:
        value = number(entry.get(key), low, high)
        if value is None:
            raise self._damaged(key)
        return value

    def _damaged(self, what: str) -> BoardError:
        return BoardError(f"{self._board}: the board's answer is not a measurement ({what!r} is missing or wrong).")
