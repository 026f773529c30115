"""Whether this processor computes in float16: there a file such as `int8-f16.pte` is the fastest, elsewhere it fails.

XNNPACK runs such a file where all cores have the scalar and the vector instructions of Armv8.2's FEAT_FP16, which Linux
calls `fphp` and `asimdhp` (its Documentation/arch/arm64/elf_hwcaps.rst): Cortex-A55, A75 and later have them, A53 and
A72 do not. On x86-64 it converts to float32 and back, with AVX2 alone (`xnn_is_f16_compatible_config`).
"""

from __future__ import annotations

from dataclasses import dataclass

from levit_edge.device.cpuinfo import MAX_CHARACTERS, CpuInfo, read_cpuinfo
from levit_edge.device.facts import machine
from levit_edge.device.small_files import hardware_capabilities, read_text

NEEDED = {"fphp": 1 << 9, "asimdhp": 1 << 10}
"""Name in /proc/cpuinfo -> bit of AT_HWCAP (Linux, arch/arm64/include/uapi/asm/hwcap.h)."""
WITHOUT = frozenset({"Exynos M3"})
"""Cores that have none, whatever Linux says: on the Exynos 9810 only the small ones do (pytorch/cpuinfo, src/arm/linux/
aarch64-isa.c)."""
X86_64 = frozenset({"x86_64", "amd64"})
ARM_64 = frozenset({"aarch64", "arm64"})
UNTOLD = "/proc/cpuinfo lists no features"


@dataclass(frozen=True)
class Float16:
    """What a processor makes of a file with float16, and how that is known."""

    fast: bool
    """It has the arithmetic, so that this file is the one to take."""
    runs: bool
    """The file computes there what it should, fast or not; False where it is not known."""
    why: str
    """Such as `Cortex-A53 has no float16 arithmetic (no fphp, asimdhp in /proc/cpuinfo)`."""

    def refusal(self, file: str, instead: str) -> str:
        """Why `file` is not taken, and what to take."""
        return f"{file} computes in float16, and {self.why}: use {instead}"


def float16_here() -> Float16:
    """Of the processor that this runs on."""
    architecture = machine()
    capabilities = hardware_capabilities() if architecture.lower() in ARM_64 else None
    return float16_of(architecture, read_text("/proc/cpuinfo", MAX_CHARACTERS) or "", capabilities)


def float16_of(architecture: str, cpuinfo: str, capabilities: int | None = None) -> Float16:
    """Of a processor by its architecture, as Python's packages for it are called, its /proc/cpuinfo and its AT_HWCAP.

    Where /proc/cpuinfo lists no features, AT_HWCAP tells, which is of all cores too.
    """
    info = read_cpuinfo(cpuinfo)
    names = " and ".join(dict.fromkeys(filter(None, info.names.values()))) or "the processor"
    if architecture.lower() in X86_64:
        return _of_x86_64(info, f"{names} ({architecture})")
    if architecture.lower() not in ARM_64:
        return Float16(False, False, f"{names} has no float16 arithmetic that serves on {architecture}")
    if not info.features and capabilities is None:
        return Float16(False, False, f"it is not known whether {names} has float16 arithmetic ({UNTOLD})")
    missing, source = [name for name in NEEDED if name not in info.features], "/proc/cpuinfo"
    if not info.features and capabilities is not None:
        missing, source = [name for name, bit in NEEDED.items() if not capabilities & bit], "AT_HWCAP"
    if without := WITHOUT & {*info.names.values()}:
        return Float16(False, False, f"{', '.join(without)} has no float16 arithmetic, whatever {source} says")
    if missing:
        return Float16(False, False, f"{names} has no float16 arithmetic (no {', '.join(missing)} in {source})")
    return Float16(True, True, f"{names} has float16 arithmetic ({', '.join(NEEDED)} in {source})")


def _of_x86_64(info: CpuInfo, named: str) -> Float16:
    if not info.features:
        return Float16(False, False, f"it is not known whether {named} has AVX2 ({UNTOLD})")
    if "avx2" not in info.features:
        return Float16(False, False, f"{named} has no AVX2, without which it fails on x86-64")
    return Float16(False, True, f"{named} has no float16 arithmetic to speed it up")
