"""Whether the figures of a measurement can be: files of results come from other people."""

import math
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from itertools import chain, pairwise
from typing import Any

from levit_edge.benchmark.measurement import ArtifactTimes, Latency, Measurement, SpeedUp

__all__ = ["validate"]

MAX_TEXT = 2000
"""Characters; the longest finding has about 300."""
MAX_NUMBER = 2**63
"""Above every count, size and time of a board; not infinite, which JSON can spell as 1e999."""
ROUNDING = 0.01
"""Relative; images per second are 1000 / p50, and may have been rounded."""


def validate(measurement: Measurement) -> str:
    """The first thing that cannot be, as the end of a sentence about the measurement; empty if there is none."""
    problems = chain(
        _values(asdict(measurement), ""),
        _date(measurement.created_utc),
        _counts(measurement),
        chain.from_iterable(map(_result, measurement.results)),
        chain.from_iterable(map(_speedup, measurement.speedups)),
    )
    return next(problems, "")


def _values(value: Any, at: str) -> Iterable[str]:
    """Text that a terminal or a page would act on, and numbers that nothing has."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _values(key, at)
            yield from _values(item, f"{at}.{key}".lstrip("."))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from _values(item, f"{at}[{index}]")
    elif isinstance(value, str):
        if len(value) > MAX_TEXT:
            yield f"{at} has {len(value)} characters"
        elif any(unicodedata.category(each).startswith("C") for each in value):
            yield f"{at} holds control characters"
    elif isinstance(value, int | float) and not abs(value) < MAX_NUMBER:
        yield f"{at} is {value:.3g}" if isinstance(value, float) else f"{at} has {value.bit_length()} bits"


def _date(created_utc: str) -> Iterable[str]:
    try:
        datetime.fromisoformat(created_utc)
    except ValueError:
        yield f"created_utc is {created_utc[:40]!r}, not a date"


def _counts(measurement: Measurement) -> Iterable[str]:
    device, model = measurement.device, measurement.model
    positive = {
        "device.usable_cores": device.usable_cores,
        **{f"device.cores[{index}].count": group.count for index, group in enumerate(device.cores)},
        "model.classes": model.classes,
        "model.image_size": model.image_size,
        "rounds": measurement.rounds,
        "runs": measurement.runs,
    }
    yield from (f"{name} is {value}, expected at least 1" for name, value in positive.items() if value < 1)
    if not measurement.results:
        yield "it has no results"


def _result(result: ArtifactTimes) -> Iterable[str]:
    name = f"{result.artifact} with {result.threads} threads"
    if result.threads < 1 or result.size_bytes < 1:
        yield f"{name} has {result.size_bytes} bytes"
    if result.golden is not None and not 0 <= result.golden.same_top1 <= result.golden.images:
        yield f"{name} agrees on {result.golden.same_top1} of {result.golden.images} golden images"
    if result.latency_ms is not None:
        yield from (f"{name} {problem}" for problem in _times(result, result.latency_ms))
    elif not result.error:
        yield f"{name} has neither times nor an error"


def _times(result: ArtifactTimes, latency: Latency) -> Iterable[str]:
    ordered = (latency.min, latency.p50, latency.p90, latency.p99)
    if latency.min <= 0 or any(low > high for low, high in pairwise(ordered)):
        yield f"has times that are not 0 < min <= p50 <= p90 <= p99: {', '.join(f'{ms:g}' for ms in ordered)}"
    if result.runs < 1:
        yield f"has times of {result.runs} runs"
    rate = result.images_per_second
    if rate is not None and not math.isclose(rate * latency.p50, 1000, rel_tol=ROUNDING):
        yield f"has {rate:g} images per second with a median of {latency.p50:g} ms"


def _speedup(speedup: SpeedUp) -> Iterable[str]:
    ordered = (speedup.p25, speedup.median, speedup.p75)
    if speedup.p25 <= 0 or not speedup.p25 <= speedup.median <= speedup.p75:
        yield (
            f"the speed-up of {speedup.runtime} with {speedup.threads} threads has quartiles that are none:"
            f" {', '.join(f'{each:g}' for each in ordered)}"
        )
