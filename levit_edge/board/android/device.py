"""What an Android device says of itself to adb's shell, without Python: read as an agent's facts are."""

import re
from itertools import zip_longest
from typing import Any

from levit_edge.board.transports.adb_device import AdbDevice

__all__ = ["android_facts"]

NUMBER = re.compile("[0-9]{1,15}")
FREQUENCY = re.compile(r"/cpu([0-9]{1,4})/cpufreq/cpuinfo_max_freq:([0-9]{1,15})\b")
"""A core and its highest clock."""
SEPARATOR = "-- levit-edge --"
COMMANDS = {
    "machine": "uname -m",
    "kernel": "uname -r",
    "usable_cores": "nproc",
    "cpuinfo": "cat /proc/cpuinfo",
    "meminfo": "cat /proc/meminfo",
    "frequencies": "grep -H '' /sys/devices/system/cpu/cpu[0-9]*/cpufreq/cpuinfo_max_freq",
    "maker": "getprop ro.product.manufacturer",
    "model": "getprop ro.product.model",
    "soc": "getprop ro.soc.model",
    "release": "getprop ro.build.version.release",
    "sdk": "getprop ro.build.version.sdk",
}


def android_facts(device: AdbDevice) -> dict[str, Any]:
    """The device, by one visit to its shell, as `levit_edge.device.facts.read_facts` gives it; what it does not tell is
    empty.

    Raises:
        BoardError: it is lost.
    """
    script = f"; echo '{SEPARATOR}'; ".join(f"{command} 2>/dev/null" for command in COMMANDS.values())
    answers = device.shell(script).stdout.decode("utf-8", "replace").split(SEPARATOR)
    told = {name: each.strip() for name, each in zip_longest(COMMANDS, answers[: len(COMMANDS)], fillvalue="")}
    return _facts(told)


def _facts(told: dict[str, str]) -> dict[str, Any]:
    soc = f"({told['soc']})" if told["soc"] else ""
    total = re.search(r"^MemTotal: *([0-9]{1,15}) kB", told["meminfo"], re.MULTILINE)
    return {
        "machine": told["machine"],
        "kernel": told["kernel"],
        "usable_cores": int(told["usable_cores"]) if NUMBER.fullmatch(told["usable_cores"]) else None,
        "cpuinfo": told["cpuinfo"],
        "cpus": [{"cpu": int(core), "max_khz": int(khz)} for core, khz in FREQUENCY.findall(told["frequencies"])],
        "memory_kb": int(total[1]) if total else None,
        "model": " ".join(filter(None, (told["maker"], told["model"], soc))),
        "os": f"Android {told['release']} (API {told['sdk']})" if told["release"] else None,
        "python": "none",
    }
