"""A measurement as a healthy Raspberry Pi 5 might give it; every figure is made up."""

from dataclasses import replace
from typing import Any

from levit_edge.benchmark.measurement import (
    ArtifactTimes,
    BoardState,
    CoreGroup,
    Device,
    GoldenCheck,
    Latency,
    Measurement,
    ModelUnderTest,
    SpeedUp,
)
from levit_edge.bundle.kinds import Precision, Runtime

PI_5 = Device(
    model="Raspberry Pi 5 Model B Rev 1.0",
    architecture="aarch64",
    cores=(CoreGroup(name="Cortex-A76", count=4, max_mhz=2400.0),),
    usable_cores=4,
    features=("asimd", "asimddp", "asimdhp"),
    memory_bytes=8 * 2**30,
    system="Debian GNU/Linux 12 (bookworm)",
    kernel="6.6.31",
    python="3.11.2",
)
COOL = BoardState(
    governors=("ondemand",),
    mhz=(2400.0,) * 4,
    temperatures={"cpu-thermal": 55.0, "rp1_adc": 50.0},
    throttled=False,
    load_average=0.1,
    available_bytes=7 * 2**30,
)


def times(runtime: Runtime, precision: Precision, p50: float, threads: int = 1, package: str = "") -> ArtifactTimes:
    suffix = "pte" if runtime is Runtime.EXECUTORCH else "onnx"
    return ArtifactTimes(
        artifact=f"{precision}.{suffix}",
        runtime=runtime,
        precision=precision,
        size_bytes=9_000_000,
        threads=threads,
        package=package or ("executorch 1.4.1" if runtime is Runtime.EXECUTORCH else "onnxruntime 1.31.1"),
        runs=100,
        load_ms=12.5,
        first_ms=2 * p50,
        latency_ms=Latency(p50=p50, p90=1.1 * p50, p99=1.2 * p50, min=0.9 * p50),
        images_per_second=1000 / p50,
        peak_rss_bytes=90_000_000,
        golden=GoldenCheck(images=8, same_top1=8, sqnr_db=60.0),
    )


RESULTS = (
    times(Runtime.EXECUTORCH, Precision.FP32, 20.0),
    times(Runtime.EXECUTORCH, Precision.INT8, 8.0),
    times(Runtime.ONNXRUNTIME, Precision.FP32, 21.0),
    times(Runtime.ONNXRUNTIME, Precision.INT8, 10.0),
)
FAST = (
    SpeedUp(runtime=Runtime.EXECUTORCH, threads=1, median=2.5, p25=2.4, p75=2.6),
    SpeedUp(runtime=Runtime.ONNXRUNTIME, threads=1, median=2.1, p25=2.0, p75=2.2),
)
MEASUREMENT = Measurement(
    levit_edge_version="0.1.0",
    created_utc="2026-10-20T12:00:00+00:00",
    target="ssh://pi@kitchen.local",
    bundle="/home/someone/my-levit-int8",
    model=ModelUnderTest(name="LeViT-128S", classes=1000, image_size=224, manifest_sha256="ab" * 32),
    device=PI_5,
    before=COOL,
    after=COOL,
    rounds=5,
    runs=20,
    warm_up=5,
    results=RESULTS,
    speedups=FAST,
)


def measured(**changes: Any) -> Measurement:
    return replace(MEASUREMENT, **changes)
