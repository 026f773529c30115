"""What changes while a board works: clocks, heat, load, memory."""

from __future__ import annotations

import glob
import os
from typing import Any

from levit_edge.device.small_files import memory_kb, read_number, read_text


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
        "available_kb": memory_kb("MemAvailable"),
    }
