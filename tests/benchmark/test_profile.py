from dataclasses import replace

import pytest

from levit_edge.benchmark.files import checked
from levit_edge.benchmark.profile import CONVERSION, FLOAT_PRODUCT, INT8_PRODUCT, LAYOUT, OTHER, by_kind, kind_of
from levit_edge.benchmark.profile_findings import profile_findings
from levit_edge.benchmark.profile_table import errors, profile_tables
from levit_edge.documents import from_json, to_json
from levit_edge.errors import MeasurementError
from tests.benchmark.profiles import FP32, INT8, PROGRAM, part
from tests.board.example import FAST, MEASUREMENT, measured

SLOW = (replace(FAST[1], median=1.1, p25=1.0),)


@pytest.mark.parametrize(
    ("kind", "operators"),
    [
        (INT8_PRODUCT, ("QGemm", "DynamicQuantizeMatMul", "MatMulIntegerToFloat", "QLinearConv")),
        (FLOAT_PRODUCT, ("Conv", "Gemm", "FusedMatMul", "Attention")),
        (CONVERSION, ("QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "Cast")),
        (LAYOUT, ("Transpose", "Reshape", "Gather", "ReorderInput", "ReorderOutput")),
        (OTHER, ("Softmax", "HardSigmoid", "Mul", "ReduceMean")),
    ],
)
def test_the_kind_of_an_operator(kind: str, operators: tuple[str, ...]) -> None:
    assert {kind_of(each) for each in operators} == {kind}


def test_times_by_kind_and_by_block() -> None:
    assert by_kind(INT8) == {INT8_PRODUCT: 1.8, FLOAT_PRODUCT: 4.0, CONVERSION: 2.0, LAYOUT: 1.0, OTHER: 1.0}
    assert INT8.by_block() == {"stem": 4.0, "stage 1 MLP": 4.8, "head": 1.0}
    assert INT8.share(CONVERSION) == pytest.approx(2 / 9.8)
    assert FP32.share(CONVERSION) == 0
    assert replace(INT8, parts=(*INT8.parts, part("Add", "", 1.0))).by_block() == {}


def test_files_stand_beside_each_other() -> None:
    (table, other) = profile_tables([FP32, replace(FP32, threads=4), INT8, PROGRAM])
    assert (table.threads, table.profiles) == (1, (FP32, INT8))
    assert table.groups["by block"] == [("stem", (4.0, 4.0)), ("stage 1 MLP", (5.0, 4.8)), ("head", (1.0, 1.0))]
    assert dict(table.groups["by operator"])["QGemm"] == (None, 1.8)
    assert table.groups["together"][0][1] == pytest.approx((10.0, 9.8))
    assert other.threads == 4
    unknown = replace(INT8, parts=(part("Add", "", 1.0),))
    assert "by block" not in profile_tables([FP32, unknown])[0].groups
    assert errors([FP32, PROGRAM, replace(PROGRAM, threads=4)]) == {"It cannot tell.": ["int8.pte"]}


def test_what_the_profiler_cost_is_said() -> None:
    said = FP32.reliability
    assert "10.000 ms, profiled 1.25 times as long (20 runs of each in turns)" in said
    assert said.endswith("2.0 µs are taken off each of 8 operators, which then add up to a run within 1 %")
    off = replace(FP32, overhead=0.123)
    assert FP32.holds
    assert not off.holds
    assert "only within 13 %: do not rely on it" in off.reliability


def test_the_finding_says_what_int8_is_spent_on() -> None:
    (said,) = profile_findings(SLOW, [FP32, INT8])
    assert "of int8.onnx's 9.80 ms 1.80 are int8 products, 4.00 products left in float, 2.00 conversions (20 %)" in said
    assert "Its products take 5.80 ms, fp32.onnx's 8.00. The stem gains least: 4.00 ms in fp32, 4.00 in" in said
    assert said.endswith("which has few conversions, or use int8.pte.")
    few = replace(INT8, parts=tuple(each for each in INT8.parts if each.operator != "QuantizeLinear"))
    assert "Quantize again" not in next(iter(profile_findings(SLOW, [FP32, few])))


@pytest.mark.parametrize(
    "profiles", [[], [FP32], [INT8], [FP32, replace(INT8, threads=2)], [FP32, replace(INT8, overhead=0.5)]]
)
def test_without_both_profiles_there_is_no_finding(profiles: list[object]) -> None:
    assert list(profile_findings(SLOW, profiles)) == []  # type: ignore[arg-type]


def test_measurements_of_before_have_no_profiles_and_those_of_today_keep_them() -> None:
    document = to_json(MEASUREMENT)
    del document["profiles"]
    assert checked(document, "it").profiles == ()
    today = measured(profiles=(FP32, INT8, PROGRAM))
    assert from_json(type(today), to_json(today), MeasurementError, "it") == today
    assert checked(to_json(today), "it").profiles == today.profiles
