"""Why INT8 is not faster on a board, as far as the board told, after what makes its figures unreliable.

Each finding is a sentence or two: what was found, what it does, what to do.
"""

import re
from collections.abc import Iterable, Sequence

from levit_edge.benchmark.interference import busy, powersave, throttled, too_many_threads
from levit_edge.benchmark.measurement import ArtifactTimes, Device, Measurement, SpeedUp
from levit_edge.benchmark.profile_findings import profile_findings
from levit_edge.bundle.kinds import Runtime
from levit_edge.runtime.inspect.onnxruntime import OptimisedGraph
from levit_edge.text import counted

__all__ = ["DOT_PRODUCTS", "WANTED_SPEEDUP", "findings"]

WANTED_SPEEDUP = 1.3
"""fp32's time over int8's that is worth the loss of accuracy; below it the reasons are looked for."""
MORE_THREADS_SLOWER = 1.1
"""Median with more threads over the best with fewer; less than that is noise."""
OLDEST_ONNXRUNTIME = (1, 22)
"""What levit-edge itself needs. Before it ARM's kernels came one by one: dot products of unsigned activations with
microsoft/onnxruntime#6916 (March 2021), of signed ones with #9902 (December 2021)."""
CONVERSIONS_PER_INT8_OPERATOR = 1.0
"""LeViT-128S as onnxruntime 1.31 optimises it: 12 conversions for 67 int8 operators in a file of dynamic linears, 229
for 43 in one of static linears that it could not fuse."""
DOT_PRODUCTS = {"asimd": ("asimddp",), "neon": ("asimddp",), "avx2": ("avx_vnni", "avx512_vnni", "amx_int8")}
"""What a processor of each kind needs besides, to add up four int8 products in one instruction. i8mm is faster still,
and its absence no fault."""
VERSION = re.compile(r"onnxruntime(?:-[a-z]+)* (\d+)\.(\d+)")
UNEXPLAINED = (
    "Nothing that the board told explains it. Softmax, hardswish and attention's products compute in float in both"
    " files and do not get faster; `levit-edge inspect BUNDLE` shows how many operators are left in float,"
    " `levit-edge bench --profile` where the time of ONNX files goes."
)


def findings(measured: Measurement, optimised: OptimisedGraph | None = None) -> tuple[str, ...]:
    """What was found; nothing if INT8 is fast and nothing disturbed.

    `optimised` is what onnxruntime makes of `int8.onnx`, where that is known; a profile says more.
    """
    device, results = measured.device, measured.results
    if device.emulator:
        return (
            f"This ran under emulation ({device.emulator}): its times say nothing about any board."
            " Measure on the board itself.",
        )
    found = [*throttled(measured), *powersave(measured), *busy(measured), *too_many_threads(measured)]
    slow = [each for each in measured.speedups if each.median < WANTED_SPEEDUP]
    if not slow:
        return tuple(found)
    found += [*_no_dot_products(device), *_slower_with_threads(device, results)]
    if any(each.runtime is Runtime.ONNXRUNTIME for each in slow):
        profiled = [*profile_findings(slow, measured.profiles)]
        found += [*_old_onnxruntime(results), *_narrow_onnxruntime(device), *(profiled or _conversions(optimised))]
    return (*_slow(slow), *(found or [UNEXPLAINED]))


def _slow(slow: Sequence[SpeedUp]) -> Iterable[str]:
    for runtime, precision in dict.fromkeys((each.runtime, each.precision) for each in slow):
        own = [each for each in slow if (each.runtime, each.precision) == (runtime, precision)]
        times = ", ".join(f"{each.median:.2f} times with {counted(each.threads, 'thread')}" for each in own)
        yield f"{runtime}: {precision.label} is less than {WANTED_SPEEDUP} times as fast as fp32: {times}."


def _no_dot_products(device: Device) -> Iterable[str]:
    """Nothing is said of a processor that does not tell its features."""
    for base, any_of in DOT_PRODUCTS.items():
        if base in device.features and not set(any_of) & set(device.features):
            core = device.cores[0].name if device.cores else "The processor"
            yield (
                f"{core} has no int8 dot product instructions ({' or '.join(any_of)}), so int8 multiplies hardly more"
                " numbers at a time than float. ARM cores from Cortex-A55, A75 and A76 on can have them: choose such a"
                " board, or stay with fp32 if a smaller file and less memory are no gain to you."
            )


def _slower_with_threads(device: Device, results: Sequence[ArtifactTimes]) -> Iterable[str]:
    """Within the usable cores."""
    times: dict[str, dict[int, float]] = {}
    for each in results:
        if each.precision.is_int8 and each.latency_ms is not None and each.threads <= device.usable_cores:
            times.setdefault(each.artifact, {})[each.threads] = each.latency_ms.p50
    for artifact, by_threads in times.items():
        best, most = min(by_threads, key=lambda threads: by_threads[threads]), max(by_threads)
        if by_threads[most] > MORE_THREADS_SLOWER * by_threads[best]:
            yield (
                f"{artifact} takes {by_threads[most]:.2f} ms with {counted(most, 'thread')} and"
                f" {by_threads[best]:.2f} ms with {counted(best, 'thread')}{_few_fast_cores(device, most)}: its"
                f" operators are short, and threads wait for the slowest. Use {counted(best, 'thread')}."
            )


def _few_fast_cores(device: Device, threads: int) -> str:
    if len(device.cores) > 1 and threads > device.cores[0].count:
        return f" (the board has {device.cores[0].count} × {device.cores[0].name}, the other cores are slower)"
    return ""


def _old_onnxruntime(results: Sequence[ArtifactTimes]) -> Iterable[str]:
    for package in dict.fromkeys(each.package for each in results if each.runtime is Runtime.ONNXRUNTIME):
        version = VERSION.match(package)
        if version and (int(version[1]), int(version[2])) < OLDEST_ONNXRUNTIME:
            wanted = ".".join(map(str, OLDEST_ONNXRUNTIME))
            yield f"{package} lacks int8 kernels of newer ones. On the board: pip install 'onnxruntime>={wanted}'."


def _narrow_onnxruntime(device: Device) -> Iterable[str]:
    """microsoft/onnxruntime#9902 lists its int8 kernels: those with dot products are for 64-bit ARM."""
    if device.architecture.startswith("arm") and device.architecture != "arm64":
        yield (
            f"The system is 32-bit ({device.architecture}), where onnxruntime has no dot product kernels, whatever the"
            " processor can do. Install a 64-bit system if the board can run one, or use int8.pte."
        )


def _conversions(optimised: OptimisedGraph | None) -> Iterable[str]:
    if optimised is None:
        return
    conversions, operators = sum(optimised.conversions.values()), sum(optimised.int8_operators.values())
    if conversions > CONVERSIONS_PER_INT8_OPERATOR * operators:
        yield (
            f"int8.onnx converts between int8 and float {counted(conversions, 'time')} for"
            f" {counted(operators, 'int8 operator')}, each time a pass over memory. Quantize again with"
            " the default `--scheme mixed`, which has few, or use int8.pte."
        )
