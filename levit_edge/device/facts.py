"""What a board is and has, and what changes while it works: clocks, heat, load, memory; as its own files say it."""

from __future__ import annotations

import contextlib
import glob
import os
import platform
import struct
import subprocess
from typing import Any

from levit_edge.device.cpuinfo import MAX_CHARACTERS
from levit_edge.device.small_files import figure_kb, hardware_capabilities, read_number, read_text, usable_cores


def read_facts() -> dict[str, Any]:
    """What the board is, as its own files say it; the host puts it in words."""
    folders = glob.glob("/sys/devices/system/cpu/cpu[0-9]*")
    cpus = [
        {
            "cpu": int(folder.rpartition("cpu")[2]),
            "max_khz": read_number(f"{folder}/cpufreq/cpuinfo_max_freq"),
            "midr": read_text(f"{folder}/regs/identification/midr_el1"),
        }
        for folder in sorted(folders)
    ]
    return {
        "machine": machine(),
        "cpuinfo": read_text("/proc/cpuinfo", MAX_CHARACTERS) or "",
        "hwcap": hardware_capabilities(),
        "cpus": cpus,
        "model": _android_model()
        or read_text("/proc/device-tree/model")
        or read_text("/sys/class/dmi/id/product_name"),
        "os": _system_name(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "memory_kb": figure_kb("/proc/meminfo", "MemTotal"),
        "usable_cores": usable_cores(),
        "emulator": _emulator(),
    }


def read_state() -> dict[str, Any]:
    """What changes while a board works."""
    governors, khz, temperatures = {}, {}, {}
    for folder in glob.glob("/sys/devices/system/cpu/cpu[0-9]*/cpufreq"):
        cpu = folder.split("/")[-2][3:]
        governor, current = read_text(f"{folder}/scaling_governor"), read_number(f"{folder}/scaling_cur_freq")
        if governor is not None:
            governors[cpu] = governor
        if current is not None:
            khz[cpu] = current
    for zone in sorted(glob.glob("/sys/class/thermal/thermal_zone*")):
        temperature = read_number(f"{zone}/temp")
        if temperature is not None:
            name = read_text(f"{zone}/type") or "zone"
            temperatures[name if name not in temperatures else f"{name} {zone[-1]}"] = temperature
    try:
        load = os.getloadavg()[0]
    except OSError:
        load = None
    return {
        "governors": governors,
        "khz": khz,
        "temperatures_mc": temperatures,
        "throttled": next(map(read_text, glob.glob("/sys/devices/platform/soc*/*firmware/get_throttled")), None),
        "load": load,
        "available_kb": figure_kb("/proc/meminfo", "MemAvailable"),
    }


def machine() -> str:
    """The architecture that this Python's packages are for: a 32-bit one may run on a 64-bit system."""
    name = platform.machine()
    return "armv7l" if name == "aarch64" and struct.calcsize("P") == 4 else name


def _system_name() -> str | None:
    for line in (read_text("/etc/os-release") or "").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    release = _android_property("ro.build.version.release")
    return release and f"Android {release} (API {_android_property('ro.build.version.sdk')})"


def _android_model() -> str | None:
    """Such as `Google Pixel 7 (Tensor G2)`; which system on chip it is, devices tell from Android 12 on."""
    maker, model = _android_property("ro.product.manufacturer"), _android_property("ro.product.model")
    soc = _android_property("ro.soc.model")
    return model and " ".join(filter(None, (maker, model, soc and f"({soc})")))


def _android_property(name: str) -> str | None:
    """What Android says of itself; None elsewhere."""
    if "ANDROID_ROOT" not in os.environ:
        return None
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(["getprop", name], capture_output=True, check=False, timeout=10)
        return done.stdout.decode("utf-8", "replace").strip() or None
    return None


def _emulator() -> str | None:
    """QEMU's user mode hides itself in /proc/self, but not in the entries of other processes."""
    try:
        program = os.path.basename(os.readlink(f"/proc/{os.getppid()}/exe"))
    except OSError:
        return None
    return "qemu-user" if program.startswith("qemu-") else None
