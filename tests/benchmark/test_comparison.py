from dataclasses import replace

from levit_edge.benchmark.comparison import comparison_rows
from levit_edge.benchmark.measurement import CoreGroup
from levit_edge.bundle.kinds import Precision, Runtime
from tests.board.example import COOL, FAST, MEASUREMENT, PI_5, RESULTS, measured, times

SLOWER = tuple(times(each.runtime, each.precision, 50.0) for each in RESULTS)


def test_fp32_and_int8_of_a_runtime_are_one_row() -> None:
    first, second = comparison_rows([MEASUREMENT])
    assert (first.board, first.cores, first.date) == (PI_5.model, "4 × Cortex-A76", "2026-10-20")
    assert (first.runtime, first.threads, first.fp32_ms, first.int8_ms) == (Runtime.EXECUTORCH, 1, 20.0, 8.0)
    assert (first.speedup, first.speedup_p25, first.speedup_p75) == (2.5, 2.4, 2.6)
    assert (second.runtime, second.int8_ms, second.package) == (Runtime.ONNXRUNTIME, 10.0, "onnxruntime 1.31.1")


def test_int8_with_float16_is_beside_int8_and_may_be_what_makes_a_board_the_fastest() -> None:
    half = (*SLOWER, times(Runtime.EXECUTORCH, Precision.INT8_FLOAT16, 4.0))
    speedups = (replace(FAST[0], precision=Precision.INT8_FLOAT16, median=5.0, p75=5.0), *FAST)
    rows = comparison_rows([MEASUREMENT, measured(results=half, speedups=speedups)])
    assert [(row.measurement, row.int8_ms, row.int8_float16_ms, row.speedup) for row in rows] == [
        (1, 50.0, 4.0, 2.5),
        (1, 50.0, None, 2.1),
        (0, 8.0, None, 2.5),
        (0, 10.0, None, 2.1),
    ]


def test_each_number_of_threads_is_a_row() -> None:
    more = (*RESULTS, times(Runtime.EXECUTORCH, Precision.INT8, 4.0, threads=4))
    speedups = (*FAST, replace(FAST[0], threads=4, median=1.5, p25=1.4))
    rows = comparison_rows([measured(results=more, speedups=speedups)])
    assert [(row.runtime, row.threads, row.fp32_ms, row.int8_ms, row.speedup) for row in rows] == [
        ("executorch", 1, 20.0, 8.0, 2.5),
        ("executorch", 4, None, 4.0, 1.5),
        ("onnxruntime", 1, 21.0, 10.0, 2.1),
    ]


def test_models_are_apart_and_the_fastest_board_is_first() -> None:
    slow = measured(device=replace(PI_5, model="A slow board"), results=SLOWER)
    other = measured(model=replace(MEASUREMENT.model, name="LeViT-384"))
    rows = comparison_rows([slow, other, MEASUREMENT])
    assert [row.board for row in rows] == [PI_5.model] * 2 + ["A slow board"] * 2 + [PI_5.model] * 2
    assert [row.measurement for row in rows] == [2, 2, 0, 0, 1, 1]
    assert [row.model for row in rows] == ["LeViT-128S"] * 4 + ["LeViT-384"] * 2


def test_an_emulator_has_no_times() -> None:
    (row, _) = comparison_rows([measured(device=replace(PI_5, emulator="qemu-user, cortex-a76"))])
    assert (row.fp32_ms, row.int8_ms, row.speedup, row.speedup_p25, row.speedup_p75) == (None,) * 5
    assert row.emulator == "qemu-user, cortex-a76"


def test_a_result_that_failed_has_no_time() -> None:
    failed = replace(RESULTS[1], latency_ms=None, error="no memory")
    (row,) = comparison_rows([measured(results=(RESULTS[0], failed), speedups=(), before=COOL)])
    assert (row.fp32_ms, row.int8_ms, row.speedup) == (20.0, None, None)


def test_a_board_without_a_name_and_cores() -> None:
    cores = (
        CoreGroup(name="Cortex-A76", count=4, max_mhz=2256.0),
        CoreGroup(name="Cortex-A55", count=4, max_mhz=1800.0),
    )
    (row, _) = comparison_rows([measured(device=replace(PI_5, model="unknown", cores=cores))])
    assert (row.board, row.cores) == ("Cortex-A76", "4 × Cortex-A76 + 4 × Cortex-A55")
    (row, _) = comparison_rows([measured(device=replace(PI_5, model="unknown", cores=()))])
    assert (row.board, row.cores) == ("aarch64", "unknown")
