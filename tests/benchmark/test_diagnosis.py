from dataclasses import replace
from typing import Any

import pytest

from levit_edge.benchmark.diagnosis import UNEXPLAINED, WANTED_SPEEDUP, findings
from levit_edge.benchmark.measurement import CoreGroup, SpeedUp, Sustained
from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.runtime.inspect.onnxruntime import OptimisedGraph
from tests.benchmark.profiles import FP32, INT8
from tests.board.example import COOL, FAST, PI_5, RESULTS, measured, times

SLOW_ONNX = (FAST[0], replace(FAST[1], median=1.12, p25=1.1))
SLOW_PTE = (replace(FAST[0], median=1.29, p25=1.2), FAST[1])
FEW = OptimisedGraph(
    onnxruntime_version="1.31.1",
    int8_operators={"DynamicQuantizeMatMul": 36, "MatMulIntegerToFloat": 31},
    float_operators={"Conv": 4},
    shape_operators={},
    conversions={"DynamicQuantizeLinear": 11, "ReorderOutput": 1},
)
MANY = replace(FEW, conversions={"DequantizeLinear": 149, "QuantizeLinear": 80})


def found(optimised: OptimisedGraph | None = None, **changes: Any) -> tuple[str, ...]:
    return findings(measured(**changes), optimised)


def only(findings: tuple[str, ...]) -> str:
    """The one finding beside the sentence that a runtime is slow."""
    (finding,) = (each for each in findings if "times as fast as fp32" not in each)
    return finding


def test_a_fast_and_quiet_board_has_none() -> None:
    assert found() == ()
    assert found(optimised=MANY) == ()  # it is fast all the same


def test_a_speed_up_below_the_wanted_one_is_said_with_its_figure() -> None:
    slow = (*SLOW_ONNX, SpeedUp(runtime=Runtime.ONNXRUNTIME, threads=4, median=0.95, p25=0.9, p75=1.0))
    assert found(speedups=slow) == (
        "onnxruntime: INT8 is less than 1.3 times as fast as fp32: 1.12 times with 1 thread, 0.95 times with 4"
        " threads.",
        UNEXPLAINED,
    )
    assert found(speedups=SLOW_PTE)[0].startswith("executorch: INT8 is less than 1.3 times")
    half = replace(SLOW_PTE[0], precision=Precision.INT8_FLOAT16)
    assert found(speedups=(half,))[0].startswith("executorch: INT8 with float16 is less than 1.3 times")
    enough = replace(FAST[0], median=WANTED_SPEEDUP, p25=1.2)
    assert found(speedups=(enough,)) == ()


def test_no_dot_products() -> None:
    cores = (CoreGroup(name="Cortex-A72", count=4, max_mhz=1500.0),)
    old = replace(PI_5, features=("asimd",), cores=cores)
    assert "Cortex-A72 has no int8 dot product instructions (asimddp)" in only(found(device=old, speedups=SLOW_PTE))
    assert found(device=old) == ()
    unknown = replace(PI_5, features=())
    assert only(found(device=unknown, speedups=SLOW_PTE)) == UNEXPLAINED


def test_no_dot_products_on_x86() -> None:
    laptop = replace(PI_5, architecture="x86_64", features=("avx2",), cores=())
    text = only(found(device=laptop, speedups=SLOW_PTE))
    assert "no int8 dot product instructions (avx_vnni or avx512_vnni or amx_int8)" in text
    server = replace(laptop, features=("avx2", "avx512f", "avx512_vnni"))
    assert only(found(device=server, speedups=SLOW_PTE)) == UNEXPLAINED


def test_the_absence_of_i8mm_is_no_fault() -> None:
    assert "i8mm" not in PI_5.features
    assert not any("i8mm" in each for each in found(speedups=SLOW_ONNX))


@pytest.mark.parametrize("package", ["onnxruntime 1.21.1", "onnxruntime-gpu 1.9.0", "onnxruntime 0.5"])
def test_an_old_onnxruntime(package: str) -> None:
    results = (*RESULTS, times(Runtime.ONNXRUNTIME, Precision.INT8, 10.0, package=package))
    text = only(found(results=results, speedups=SLOW_ONNX))
    assert text == f"{package} lacks int8 kernels of newer ones. On the board: pip install 'onnxruntime>=1.22'."
    assert only(found(results=results, speedups=SLOW_PTE)) == UNEXPLAINED  # the other runtime is slow


@pytest.mark.parametrize("package", ["onnxruntime 1.22.0", "onnxruntime 2.0", "onnxruntime", "executorch 0.3"])
def test_an_onnxruntime_that_is_new_or_does_not_say(package: str) -> None:
    results = (times(Runtime.ONNXRUNTIME, Precision.INT8, 10.0, package=package),)
    assert only(found(results=results, speedups=SLOW_ONNX)) == UNEXPLAINED


def test_a_32_bit_system() -> None:
    narrow = replace(PI_5, architecture="armv7l", features=("neon", "asimddp"))
    assert "The system is 32-bit (armv7l)" in only(found(device=narrow, speedups=SLOW_ONNX))
    assert only(found(device=narrow, speedups=SLOW_PTE)) == UNEXPLAINED


def test_conversions_in_the_graph() -> None:
    text = only(found(speedups=SLOW_ONNX, optimised=MANY))
    assert "converts between int8 and float 229 times for 67 int8 operators" in text
    assert only(found(speedups=SLOW_ONNX, optimised=FEW)) == UNEXPLAINED
    assert only(found(speedups=SLOW_PTE, optimised=MANY)) == UNEXPLAINED


def test_a_profile_says_more_than_the_graph() -> None:
    text = only(found(speedups=SLOW_ONNX, optimised=MANY, profiles=(FP32, INT8)))
    assert text.startswith("By the profile with 1 thread, of int8.onnx's 9.80 ms")
    assert found(profiles=(FP32, INT8)) == ()  # it is fast all the same
    assert only(found(speedups=SLOW_PTE, profiles=(FP32, INT8))) == UNEXPLAINED


def test_more_threads_are_slower() -> None:
    results = (*RESULTS, *(times(Runtime.ONNXRUNTIME, Precision.INT8, ms, threads=n) for n, ms in ((2, 6.0), (4, 7.0))))
    text = only(found(results=results, speedups=SLOW_ONNX))
    assert "int8.onnx takes 7.00 ms with 4 threads and 6.00 ms with 2 threads: " in text
    assert text.endswith("Use 2 threads.")
    faster = (*RESULTS, times(Runtime.ONNXRUNTIME, Precision.INT8, 10.9, threads=4))
    assert only(found(results=faster, speedups=SLOW_ONNX)) == UNEXPLAINED  # by less than noise
    too_many = (*RESULTS, times(Runtime.ONNXRUNTIME, Precision.INT8, 99.0, threads=8))
    assert "8 threads shared 4 usable cores" in only(found(results=too_many, speedups=SLOW_ONNX))
    float_only = (*RESULTS, times(Runtime.ONNXRUNTIME, Precision.FP32, 99.0, threads=4))
    assert only(found(results=float_only, speedups=SLOW_ONNX)) == UNEXPLAINED


def test_more_threads_than_fast_cores() -> None:
    cores = (
        CoreGroup(name="Cortex-A76", count=2, max_mhz=2304.0),
        CoreGroup(name="Cortex-A55", count=6, max_mhz=1800.0),
    )
    results = (*RESULTS, times(Runtime.ONNXRUNTIME, Precision.INT8, 14.0, threads=4))
    text = only(found(device=replace(PI_5, cores=cores), results=results, speedups=SLOW_ONNX))
    assert "(the board has 2 × Cortex-A76, the other cores are slower)" in text


def test_more_threads_than_usable_cores_is_said_of_fast_ones_too() -> None:
    results = (*RESULTS, *(times(Runtime.EXECUTORCH, Precision.FP32, 30.0, threads=n) for n in (2, 8, 4)))
    (text,) = found(device=replace(PI_5, usable_cores=2), results=results)
    assert text.startswith("4 and 8 threads shared 2 usable cores and waited for one another")
    (text,) = found(device=replace(PI_5, usable_cores=1), results=results)
    assert text.startswith("2 and 4 and 8 threads shared 1 usable core ")
    assert found(results=results[:-1]) != ()
    failed = replace(results[-1], latency_ms=None, threads=64)
    assert found(results=(*RESULTS, failed)) == ()


@pytest.mark.parametrize("state", ["before", "after"])
def test_the_firmware_throttles(state: str) -> None:
    throttled: dict[str, Any] = {state: replace(COOL, throttled=True)}
    (text,) = found(**throttled)
    assert text.startswith("The board was throttled: its firmware says that it limits the clock. ")


def test_a_clock_that_falls_where_it_should_not() -> None:
    high = replace(COOL, governors=("performance",))
    low = replace(high, mhz=(1500.0,) * 4)
    (text,) = found(before=high, after=low)
    assert "its clock fell from 2400 to 1500 MHz" in text
    assert found(before=high, after=replace(high, mhz=(2300.0,) * 4)) == ()
    assert found(before=COOL, after=replace(COOL, mhz=(1500.0,) * 4)) == ()  # the governor's own doing
    assert found(before=high, after=replace(high, mhz=())) == ()


def test_heat() -> None:
    (text,) = found(after=replace(COOL, temperatures={"cpu-thermal": 84.4, "nvme": 50.0}))
    assert "cpu-thermal read 84 °C after the run" in text
    assert found(after=replace(COOL, temperatures={"cpu-thermal": 79.0})) == ()
    assert found(after=replace(COOL, temperatures={})) == ()


def test_continuous_work_that_slows_down() -> None:
    steady = Sustained(artifact="int8.pte", threads=1, points=(), slowdown=1.05)
    assert found(sustained=steady) == ()
    (text,) = found(sustained=replace(steady, slowdown=1.4))
    assert "continuous work took 1.40 times as long at its end as at its beginning" in text


def test_several_signs_of_throttling_are_one_finding() -> None:
    hot = replace(COOL, throttled=True, temperatures={"cpu-thermal": 85.0})
    (text,) = found(after=hot)
    assert "limits the clock; cpu-thermal read 85 °C" in text


def test_powersave() -> None:
    saving = replace(COOL, governors=("schedutil", "powersave"))
    (text,) = found(before=saving, after=saving)
    assert text.startswith("The governor `powersave` holds cores at their lowest clock.")
    laptop = replace(PI_5, architecture="x86_64")
    assert found(device=laptop, before=saving, after=saving) == ()


def test_other_work_on_the_board() -> None:
    (text,) = found(before=replace(COOL, load_average=1.5))
    assert text.startswith("The board was busy before the first run: load average 1.50.")
    assert found(after=replace(COOL, load_average=4.0)) == ()  # our own
    phone = replace(PI_5, kernel="5.10.149-android13-4")
    assert found(device=phone, before=replace(COOL, load_average=9.0)) == ()
    assert found(before=replace(COOL, load_average=None)) == ()


def test_a_disturbance_explains_a_slow_runtime() -> None:
    text = found(speedups=SLOW_ONNX, before=replace(COOL, load_average=1.5))
    assert len(text) == 2
    assert UNEXPLAINED not in text


def test_under_emulation_times_say_nothing() -> None:
    emulated = replace(PI_5, emulator="qemu-user, cortex-a76", features=("asimd",))
    (text,) = found(device=emulated, speedups=SLOW_ONNX, before=replace(COOL, load_average=9.0, throttled=True))
    assert text.startswith("This ran under emulation (qemu-user, cortex-a76): its times say nothing about any board.")
