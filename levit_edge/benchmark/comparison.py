"""Measurements as rows that can be compared: one for each board, model, runtime and number of threads."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from levit_edge.benchmark.measurement import Device, Measurement
from levit_edge.bundle.kinds import Precision, Runtime

__all__ = ["ComparisonRow", "comparison_rows"]


@dataclass(frozen=True, kw_only=True)
class ComparisonRow:
    """fp32 beside int8, and int8 with float16. Times are of one image, milliseconds; None where there are none, and all
    under emulation.
    """

    measurement: int
    """Its place among the measurements that were given, from 0."""
    board: str
    """Its model; where it does not tell, its fastest kind of core."""
    cores: str
    """Such as `4 × Cortex-A76 + 4 × Cortex-A55`."""
    model: str
    runtime: Runtime
    threads: int
    fp32_ms: float | None
    """Median."""
    int8_ms: float | None
    """Median."""
    int8_float16_ms: float | None
    """Median; of the file with float16, on processors that have it."""
    speedup: float | None
    """fp32's time over int8's, without float16, in turns that followed each other: median over the rounds."""
    speedup_p25: float | None
    speedup_p75: float | None
    package: str
    """What ran it."""
    date: str
    """Year, month, day."""
    emulator: str | None
    findings: tuple[str, ...]
    """The findings of the whole measurement."""


def comparison_rows(measurements: Iterable[Measurement]) -> list[ComparisonRow]:
    """The rows by model, and within a model those of the board with the fastest int8 first."""
    groups = [_rows(place, each) for place, each in enumerate(measurements)]
    groups.sort(key=lambda rows: (rows[0].model, min(map(_fastest, rows)), rows[0].board))
    return [row for rows in groups for row in rows]


def _rows(place: int, measurement: Measurement) -> Sequence[ComparisonRow]:
    pairs = dict.fromkeys((result.runtime, result.threads) for result in measurement.results)
    return [_row(place, measurement, runtime, threads) for runtime, threads in sorted(pairs)]


def _row(place: int, measurement: Measurement, runtime: Runtime, threads: int) -> ComparisonRow:
    device = measurement.device
    results = {
        each.precision: each for each in measurement.results if (each.runtime, each.threads) == (runtime, threads)
    }
    kind = (runtime, threads, Precision.INT8)
    found = (each for each in measurement.speedups if (each.runtime, each.threads, each.precision) == kind)
    speedup = None if device.emulator else next(found, None)
    times = {} if device.emulator else {name: each.latency_ms.p50 for name, each in results.items() if each.latency_ms}
    return ComparisonRow(
        measurement=place,
        board=_board(device),
        cores=" + ".join(f"{group.count} × {group.name}" for group in device.cores) or "unknown",
        model=measurement.model.name,
        runtime=runtime,
        threads=threads,
        fp32_ms=times.get(Precision.FP32),
        int8_ms=times.get(Precision.INT8),
        int8_float16_ms=times.get(Precision.INT8_FLOAT16),
        speedup=speedup.median if speedup else None,
        speedup_p25=speedup.p25 if speedup else None,
        speedup_p75=speedup.p75 if speedup else None,
        package=next((each.package for each in results.values() if each.package), ""),
        date=measurement.created_utc[:10],
        emulator=device.emulator,
        findings=measurement.findings,
    )


def _fastest(row: ComparisonRow) -> float:
    return min(row.int8_ms or float("inf"), row.int8_float16_ms or float("inf"))


def _board(device: Device) -> str:
    if device.model != "unknown":
        return device.model
    return device.cores[0].name if device.cores else device.architecture
