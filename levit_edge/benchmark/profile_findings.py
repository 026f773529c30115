"""Why an int8 file for ONNX Runtime is not faster, by its profile beside that of fp32."""

from collections.abc import Iterable, Sequence

from levit_edge.benchmark.measurement import SpeedUp
from levit_edge.benchmark.profile import (
    CONVERSION,
    FLOAT_PRODUCT,
    INT8_PRODUCT,
    LAYOUT,
    OTHER,
    Profile,
    by_kind,
)
from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.text import counted

__all__ = ["profile_findings"]

MANY_CONVERSIONS = 0.15
"""Of the operators' time. LeViT-128S with dynamic linears has a twentieth."""


def profile_findings(slow: Sequence[SpeedUp], profiles: Sequence[Profile]) -> Iterable[str]:
    """One finding for each slow int8 file that has a profile beside that of fp32, with as many threads."""
    found = {(each.precision, each.threads): each for each in profiles if each.parts and each.holds}
    for speedup in slow:
        if speedup.runtime is Runtime.ONNXRUNTIME:
            int8, fp32 = (found.get((each, speedup.threads)) for each in (speedup.precision, Precision.FP32))
            if int8 is not None and fp32 is not None:
                yield _explained(int8, fp32)


def _explained(int8: Profile, fp32: Profile) -> str:
    times, before = by_kind(int8), by_kind(fp32)
    products = [sum(each.get(kind, 0.0) for kind in (INT8_PRODUCT, FLOAT_PRODUCT)) for each in (before, times)]
    rest = times.get(LAYOUT, 0.0) + times.get(OTHER, 0.0)
    conversions = int8.share(CONVERSION)
    said = (
        f"By the profile with {counted(int8.threads, 'thread')}, of {int8.artifact}'s {int8.total_ms:.2f} ms"
        f" {times.get(INT8_PRODUCT, 0.0):.2f} are int8 products, {times.get(FLOAT_PRODUCT, 0.0):.2f} products left in"
        f" float, {times.get(CONVERSION, 0.0):.2f} conversions ({100 * conversions:.0f} %), and {rest:.2f} what int8"
        f" does not shorten: layout, softmax, hardswish, additions. Its products take {products[1]:.2f} ms,"
        f" {fp32.artifact}'s {products[0]:.2f}.{_slowest_block(int8, fp32)}"
    )
    if conversions <= MANY_CONVERSIONS:
        return said
    return f"{said} Quantize again with the default `--scheme mixed`, which has few conversions, or use int8.pte."


def _slowest_block(int8: Profile, fp32: Profile) -> str:
    """The block that gained least of those that matter."""
    times, before = int8.by_block(), fp32.by_block()
    common = [name for name in times if before.get(name)]
    if not common:
        return ""
    worst = max(common, key=lambda name: times[name] - before[name])
    return f" The {worst} gains least: {before[worst]:.2f} ms in fp32, {times[worst]:.2f} in int8."
