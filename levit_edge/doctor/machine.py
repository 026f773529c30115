"""The machine itself: processor, memory, disk."""

import platform
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from levit_edge.benchmark.diagnosis import DOT_PRODUCTS
from levit_edge.benchmark.measurement import Device
from levit_edge.board.facts.device import describe_device
from levit_edge.device.small_files import usable_cores
from levit_edge.doctor.check import Check, CheckStatus
from levit_edge.system.memory import available_bytes

__all__ = ["check_disk", "check_memory", "check_processor", "check_python"]

QUANTIZE_BYTES = 2 * 2**30
"""Peak memory of `quantize --model 128S` with an evaluation is 1.8 GiB (docs/accuracy.md)."""
DISK_BYTES = 2**30
"""A bundle has 75 MB (128S) to about 400 (384), and is written beside the one that it replaces."""


def check_python() -> Check:
    """The interpreter and the system."""
    found = f"{platform.python_version()}, {platform.system()} {platform.release()}, {platform.machine()}"
    if sys.platform == "linux":
        return Check("Python", CheckStatus.OK, found)
    return Check("Python", CheckStatus.PROBLEM, found, "levit-edge is made for Linux and tested nowhere else")


def check_processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> Check:
    """The cores, those that may be used, and what of int8 they have."""
    device = _describe(cpuinfo)
    names = " + ".join(f"{group.count} × {group.name}" for group in device.cores) or device.architecture
    found = f"{names}; {device.usable_cores} usable; for int8: {', '.join(device.features) or 'nothing known'}"
    if not device.features or set().union(*DOT_PRODUCTS.values()) & set(device.features):
        return Check("processor", CheckStatus.OK, found)
    advice = (
        "without int8 dot products INT8 is hardly faster than fp32 here: times of this machine say little about"
        " others; on x86-64 sums of dynamic linears can saturate, so compare with `levit-edge verify`"
    )
    return Check("processor", CheckStatus.PROBLEM, found, advice)


def check_memory(meminfo: Path = Path("/proc/meminfo")) -> Check:
    """What quantizing needs."""
    available = available_bytes(meminfo)
    if available is None:
        return Check("memory", CheckStatus.OK, "the system does not tell")
    found = f"{available / 2**30:.1f} GiB available"
    if available >= QUANTIZE_BYTES:
        return Check("memory", CheckStatus.OK, found)
    advice = f"quantize needs about {QUANTIZE_BYTES / 2**30:.0f} GiB: end other programs, or pass --workers 0"
    return Check("memory", CheckStatus.PROBLEM, found, advice)


def check_disk(folder: Path) -> Check:
    """What a bundle in `folder` needs."""
    free = shutil.disk_usage(folder).free
    found = f"{free / 2**30:.1f} GiB free in {folder}"
    if free >= DISK_BYTES:
        return Check("disk", CheckStatus.OK, found)
    advice = "free some space, or give `quantize --output` a folder on another disk"
    return Check("disk", CheckStatus.PROBLEM, found, advice)


def _describe(cpuinfo: Path) -> Device:
    content = ""
    with suppress(OSError):
        content = cpuinfo.read_text(encoding="utf-8", errors="replace")
    return describe_device({"machine": platform.machine(), "cpuinfo": content, "usable_cores": usable_cores()})
