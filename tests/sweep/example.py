"""A sweep as it might end; every figure is made up."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from levit_edge.benchmark.measurement import Latency
from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.manifest import AmongPresent, Artifact, ArtifactResult, Gate, ImageProvenance, Verification
from levit_edge.bundle.recipe import Recipe, Scheme, WeightRounding
from levit_edge.data.classes import PairingRecord, PairingRule
from levit_edge.sweep.outcome.choice import chosen
from levit_edge.sweep.outcome.results import Candidate, SweepResults, TaskCounts
from levit_edge.sweep.plan import Calibration, CheckpointSource, Evaluation, Gates, SweepPlan
from levit_edge.sweep.plan import Latency as Timing
from tests.board.example import PI_5

RECIPES = {
    "static": Recipe(scheme=Scheme.STATIC),
    "mixed": Recipe(),
    "dynamic": Recipe(scheme=Scheme.DYNAMIC),
    "nearest": Recipe(weight_rounding=WeightRounding.NEAREST),
    "float-head": Recipe(float_layers=("head",), calibration_images=512),
}
IMAGES = ImageProvenance(source="s3://bucket/val", count=5000, sha256="e" * 64)


def artifact(runtime: Runtime, precision: Precision, size_bytes: int) -> Artifact:
    file = f"{precision}{runtime.entry.suffix}"
    return Artifact(
        file=file, runtime=runtime, precision=precision, size_bytes=size_bytes, sha256=f"{size_bytes:x}".zfill(64)
    )


def result(of: Artifact, drop_pt: float | None, sqnr_db: float | None = 30.0) -> ArtifactResult:
    """The int8 file with that drop, or the fp32 file; without a drop, on images without labels."""
    fp32 = of.precision is Precision.FP32
    labelled = drop_pt is not None
    return ArtifactResult(
        artifact=of.file,
        runtime=of.runtime,
        precision=of.precision,
        size_bytes=of.size_bytes,
        top1=78.5 - (drop_pt or 0) if labelled else None,
        top5=94.0 if labelled else None,
        drop_pt=None if fp32 or drop_pt is None else drop_pt,
        drop_ci95_pt=None if fp32 or drop_pt is None else (drop_pt - 0.25, drop_pt + 0.25),
        agreement=None if fp32 else 97.5,
        flips_lost=None if fp32 or not labelled else 40,
        flips_gained=None if fp32 or not labelled else 31,
        sqnr_db=None if fp32 else sqnr_db,
        margin_change_mean=None if fp32 else -0.02,
        margin_change_worst=None if fp32 else -1.5,
        images_per_second=120.0,
    )


def candidate(
    checkpoint: str,
    recipe: str,
    *,
    drops: Sequence[float | None] = (0.4, 0.5),
    sizes: Sequence[int] = (9_000_000, 8_500_000),
    times_ms: Sequence[float] | None = (8.0, 10.0),
    sqnr_db: float | None = 30.0,
    **changes: Any,
) -> Candidate:
    """One whose int8 files for ExecuTorch and ONNX Runtime have these figures."""
    artifacts, results, latency = [], [], {}
    for place, (runtime, drop_pt) in enumerate(zip(Runtime, drops, strict=True)):
        fp32 = artifact(runtime, Precision.FP32, 31_000_000 + place)
        int8 = artifact(runtime, Precision.INT8, sizes[place])
        artifacts += [fp32, int8]
        results += [result(fp32, None if drop_pt is None else 0.0), result(int8, drop_pt, sqnr_db)]
        if times_ms is not None:
            for file, p50 in ((fp32.file, 20.0), (int8.file, times_ms[place])):
                latency[file] = Latency(p50=p50, p90=1.1 * p50, p99=1.2 * p50, min=0.9 * p50)
    built = Candidate(
        checkpoint=checkpoint,
        recipe=recipe,
        source=f"s3://bucket/{checkpoint}.pth",
        size="128S",
        classes=1000,
        checkpoint_sha256="c" * 64,
        artifacts=tuple(artifacts),
        verification=Verification(
            samples=IMAGES.count,
            labelled=None not in drops,
            images=IMAGES,
            runtimes={"executorch": "1.4.1", "onnxruntime": "1.31.1"},
            host={"processor": "a desk calculator", "architecture": "none"},
            threads=1,
            gate=Gate(max_drop_pt=None, passed=None),
            results=tuple(results),
        ),
        latency=latency,
    )
    return replace(built, **changes)


def with_float16(of: Candidate, drop_pt: float) -> Candidate:
    """With a file that computes in float16 what the int8 file for ExecuTorch computes in float32, slowly here."""
    half = artifact(Runtime.EXECUTORCH, Precision.INT8_FLOAT16, 8_200_000)
    slow = Latency(p50=50.0, p90=51.0, p99=52.0, min=49.0)
    verification = of.verification
    if verification is None:
        raise ValueError("it was not evaluated")
    return replace(
        of,
        artifacts=(*of.artifacts, half),
        verification=replace(verification, results=(*verification.results, result(half, drop_pt))),
        latency=of.latency | {half.file: slow},
    )


def without_float16(of: Candidate) -> Candidate:
    """`with_float16`, evaluated where that file cannot be run."""
    whole = with_float16(of, 0.0)
    if of.verification is None:
        raise ValueError("it was not evaluated")
    why = "int8-f16.pte computes in float16, and Cortex-A53 has none: use int8.pte"
    return replace(whole, verification=replace(of.verification, not_run={"int8-f16.pte": why}))


def of_ten_classes(of: Candidate) -> Candidate:
    """On images of ten of its thousand classes; the files of ONNX Runtime are not told of."""
    verification = of.verification
    if verification is None:
        raise ValueError("it was not evaluated")
    among = AmongPresent(classes=10, top1={"fp32.pte": 98.0, "int8.pte": 96.5})
    record = PairingRecord(rule=PairingRule.WORDNET, labels=10, outputs=1000)
    return replace(of, verification=replace(verification, classes=record, among_present=among))


def with_poor_fp32(of: Candidate) -> Candidate:
    """Of which fp32 is no better than chance."""
    if of.verification is None:
        raise ValueError("it was not evaluated")
    return replace(of, verification=replace(of.verification, poor_fp32="fp32 is no better than chance."))


def plan(recipes: Sequence[str] = ("static", "mixed"), *, timed: bool = True, **changes: Any) -> SweepPlan:
    built = SweepPlan(
        checkpoints=(CheckpointSource(path="s3://bucket/*.pth", size="128S"),),
        calibration=Calibration(images="s3://bucket/train-{000..099}.tar"),
        evaluation=Evaluation(images=IMAGES.source, count=IMAGES.count),
        recipes={name: RECIPES.get(name, Recipe()) for name in recipes},
        gates=Gates(max_drop_pt=1.0),
        latency=Timing(on="ssh://pi@board.local") if timed else None,
    )
    return replace(built, **changes)


def swept(candidates: Sequence[Candidate], of: SweepPlan, **changes: Any) -> SweepResults:
    """The results of `candidates`, judged as the plan `of` says."""
    names = dict.fromkeys(each.checkpoint for each in candidates)
    judged = [each for name in names for each in chosen([c for c in candidates if c.checkpoint == name], of)]
    built = SweepResults(
        levit_edge_version="0.1.0",
        created_utc="2026-11-20T12:00:00+00:00",
        plan=of,
        environment={"torch": "2.13.0", "python": "3.12.3", "processor": "a desk calculator, features 0a1b2c3d"},
        engine="2 processes on this machine",
        seconds=3725.0,
        tasks={
            "quantize": TaskCounts(done=len(judged), reused=1, seconds=800.5),
            "evaluate": TaskCounts(done=60, failed=1, retried=2, seconds=2400.0),
        },
        candidates=tuple(judged),
        device=PI_5 if any(each.latency for each in judged) else None,
    )
    return replace(built, **changes)


def sweep(checkpoints: int = 1, recipes: int = 2, *, timed: bool = True, **changes: Any) -> SweepResults:
    """So many checkpoints by so many recipes, of which a failure and a missed gate are part if there is room."""
    names = list(RECIPES)[:recipes]
    candidates = [
        candidate(
            f"levit-{number:02}",
            name,
            drops=(0.2 + 0.3 * ((number + place) % 4), 0.3 + 0.3 * ((number + 2 * place) % 4)),
            sizes=(9_000_000 + 40_000 * place, 8_500_000 - 30_000 * place),
            times_ms=(8.0 + 0.7 * place, 10.0 - 0.6 * place) if timed else None,
        )
        for number in range(checkpoints)
        for place, name in enumerate(names)
    ]
    if checkpoints > 1:
        candidates[-1] = Candidate(
            checkpoint=candidates[-1].checkpoint,
            recipe=candidates[-1].recipe,
            source="s3://bucket/broken.pth",
            problems=(
                "quantize levit × static on 10.0.0.7 (3 attempts): not enough memory. Its log: store/logs/q.log",
            ),
        )
    return swept(candidates, plan(names, timed=timed), **changes)
