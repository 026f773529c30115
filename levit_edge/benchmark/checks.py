"""Whether the figures of a measurement can be, beyond the bounds of each: files of results come from other people."""

import math
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from itertools import chain
from typing import Any

from levit_edge.benchmark.measurement import ArtifactTimes, Measurement
from levit_edge.text import counted

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
        chain.from_iterable(map(_result, measurement.results)),
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
            yield f"{at} has {counted(len(value), 'character')}"
        elif any(unicodedata.category(each).startswith("C") for each in value):
            yield f"{at} holds control characters"
    elif isinstance(value, int | float) and not abs(value) < MAX_NUMBER:
        yield f"{at} is {value:.3g}" if isinstance(value, float) else f"{at} has {value.bit_length()} bits"


def _date(created_utc: str) -> Iterable[str]:
    try:
        datetime.fromisoformat(created_utc)
    except ValueError:
        yield f"created_utc is {created_utc[:40]!r}, not a date"


def _result(result: ArtifactTimes) -> Iterable[str]:
    name = f"{result.artifact} with {counted(result.threads, 'thread')}"
    if result.golden is not None and not 0 <= result.golden.same_top1 <= result.golden.images:
        yield f"{name} agrees on {result.golden.same_top1} of {counted(result.golden.images, 'golden image')}"
    if result.latency_ms is None:
        if not result.error:
            yield f"{name} has neither times nor an error"
        return
    if result.runs < 1:
        yield f"{name} has times of {counted(result.runs, 'run')}"
    rate, median = result.images_per_second, result.latency_ms.p50
    if rate is not None and not math.isclose(rate * median, 1000, rel_tol=ROUNDING):
        yield f"{name} has {rate:g} images per second with a median of {median:g} ms"
