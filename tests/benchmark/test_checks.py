from dataclasses import replace
from typing import Any

import pytest

from levit_edge.benchmark.checks import validate
from levit_edge.benchmark.measurement import ArtifactTimes, Latency, Sustained, SustainedPoint
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
        ({"rounds": 0}, "rounds is 0"),
        ({"runs": -1}, "runs is -1"),
        ({"results": ()}, "it has no results"),
        ({"device": replace(PI_5, usable_cores=0)}, "device.usable_cores is 0"),
        ({"device": replace(PI_5, cores=(replace(PI_5.cores[0], count=0),))}, "device.cores[0].count is 0"),
        ({"device": replace(PI_5, model="\x1b[2J")}, "device.model holds control characters"),
        ({"device": replace(PI_5, features=("asimd", "a\u202eb"))}, "device.features[1] holds control characters"),
        ({"device": replace(PI_5, system="x" * 2001)}, "device.system has 2001 characters"),
        ({"device": replace(PI_5, memory_bytes=2**63)}, "device.memory_bytes has 64 bits"),
        ({"before": replace(MEASUREMENT.before, temperatures={"a\nb": 1.0})}, "before.temperatures holds control"),
        ({"after": replace(MEASUREMENT.after, load_average=float("inf"))}, "after.load_average is inf"),
        ({"model": replace(MEASUREMENT.model, classes=0)}, "model.classes is 0"),
        ({"model": replace(MEASUREMENT.model, image_size=-224)}, "model.image_size is -224"),
        ({"speedups": (replace(FAST[0], median=2.3),)}, "quartiles that are none: 2.4, 2.3, 2.6"),
        ({"speedups": (replace(FAST[0], p25=0.0),)}, "quartiles that are none"),
        ({"speedups": (replace(FAST[0], p75=float("nan")),)}, "speedups[0].p75 is nan"),
        ({"results": with_result(latency_ms=latency(min=8.1))}, "int8.pte with 1 threads has times that are not"),
        ({"results": with_result(latency_ms=latency(min=0.0))}, "has times that are not 0 < min"),
        ({"results": with_result(latency_ms=latency(p99=8.5))}, "has times that are not"),
        ({"results": with_result(latency_ms=latency(p99=float("inf")))}, "results[3].latency_ms.p99 is inf"),
        ({"results": with_result(latency_ms=None)}, "neither times nor an error"),
        ({"results": with_result(runs=0)}, "has times of 0 runs"),
        ({"results": with_result(threads=0)}, "int8.pte with 0 threads"),
        ({"results": with_result(size_bytes=0)}, "has 0 bytes"),
        ({"results": with_result(images_per_second=140.0)}, "has 140 images per second with a median of 8 ms"),
        ({"results": with_result(golden=replace(RESULTS[0].golden, same_top1=9))}, "agrees on 9 of 8 golden"),  # type: ignore[type-var]
    ],
)
def test_what_cannot_be_is_named(changes: dict[str, Any], problem: str) -> None:
    assert problem in validate(measured(**changes))
