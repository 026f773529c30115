import re
from dataclasses import replace
from typing import Any

import pytest

from levit_edge.benchmark.checks import validate
from levit_edge.benchmark.measurement import ArtifactTimes, Latency, Measurement, Sustained, SustainedPoint
from levit_edge.documents import from_json, to_json
from levit_edge.errors import MeasurementError
from tests.board.example import FAST, MEASUREMENT, PI_5, RESULTS, measured


def latency(**changes: float) -> Latency:
    return replace(Latency(p50=8.0, p90=8.8, p99=9.6, min=7.2), **changes)


def with_result(**changes: Any) -> tuple[ArtifactTimes, ...]:
    return (*RESULTS[:-1], replace(RESULTS[1], **changes))


def test_the_example_can_be() -> None:
    assert validate(MEASUREMENT) == ""
    assert validate(measured(results=with_result(latency_ms=None, error="it needs 3 GB"))) == ""
    assert validate(measured(results=with_result(images_per_second=124.5))) == ""  # 125, rounded
    assert validate(measured(speedups=())) == ""
    point = SustainedPoint(seconds=1.0, p50_ms=8.0, mhz=(2400.0,), hottest=60.0)
    sustained = Sustained(artifact="int8.pte", threads=4, points=(point,), slowdown=1.0)
    assert validate(measured(sustained=sustained)) == ""


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"created_utc": "yesterday"}, "created_utc is 'yesterday'"),
        ({"device": replace(PI_5, model="\x1b[2J")}, "device.model holds control characters"),
        ({"device": replace(PI_5, features=("asimd", "a\u202eb"))}, "device.features[1] holds control characters"),
        ({"device": replace(PI_5, system="x" * 2001)}, "device.system has 2,001 characters"),
        ({"device": replace(PI_5, memory_bytes=2**63)}, "device.memory_bytes has 64 bits"),
        ({"before": replace(MEASUREMENT.before, temperatures={"a\nb": 1.0})}, "before.temperatures holds control"),
        ({"after": replace(MEASUREMENT.after, load_average=float("inf"))}, "after.load_average is inf"),
        ({"speedups": (replace(FAST[0], p75=float("inf")),)}, "speedups[0].p75 is inf"),
        ({"results": with_result(latency_ms=latency(p99=float("inf")))}, "results[3].latency_ms.p99 is inf"),
        ({"results": with_result(latency_ms=None)}, "neither times nor an error"),
        ({"results": with_result(runs=0)}, "has times of 0 runs"),
        ({"results": with_result(images_per_second=140.0)}, "has 140 images per second with a median of 8 ms"),
        ({"results": with_result(golden=replace(RESULTS[0].golden, same_top1=9))}, "agrees on 9 of 8 golden"),  # type: ignore[type-var]
    ],
)
def test_what_cannot_be_is_named(changes: dict[str, Any], problem: str) -> None:
    assert problem in validate(measured(**changes))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"rounds": 0}, "rounds is 0, expected at least 1"),
        ({"runs": -1}, "runs is -1"),
        ({"results": ()}, "results has 0 entries"),
        ({"device": replace(PI_5, usable_cores=0)}, "device.usable_cores is 0"),
        ({"device": replace(PI_5, cores=(replace(PI_5.cores[0], count=0),))}, "device.cores[0].count is 0"),
        ({"model": replace(MEASUREMENT.model, classes=0)}, "model.classes is 0"),
        ({"model": replace(MEASUREMENT.model, image_size=-224)}, "model.image_size is -224"),
        ({"results": with_result(threads=0)}, "results[3].threads is 0"),
        ({"results": with_result(size_bytes=0)}, "results[3].size_bytes is 0"),
        ({"results": with_result(latency_ms=latency(p99=1e8))}, "results[3].latency_ms.p99 is 100000000.0"),
    ],
)
def test_what_is_out_of_bounds_is_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(MeasurementError, match=re.escape(problem)):
        from_json(Measurement, to_json(measured(**changes)), MeasurementError, "it")


@pytest.mark.parametrize("changes", [{"min": 8.1}, {"min": 0.0}, {"p99": 8.5}, {"p50": float("nan")}])
def test_percentiles_have_an_order(changes: dict[str, float]) -> None:
    with pytest.raises(MeasurementError, match="times that are not 0 < min <= p50 <= p90 <= p99"):
        latency(**changes)


@pytest.mark.parametrize("changes", [{"median": 2.3}, {"p25": 0.0}, {"p75": float("nan")}])
def test_quartiles_have_an_order(changes: dict[str, Any]) -> None:
    with pytest.raises(MeasurementError, match=r"quartiles that are none: [\d.]+, 2\.[35]"):
        replace(FAST[0], **changes)
