"""What an Android device says of itself to adb's shell, without Python: read as an agent's facts are."""

import re
from itertools import zip_longest
from typing import Any

from levit_edge.benchmark.measurement import Device
from levit_edge.board.facts.device import describe_device
from levit_edge.board.transports.adb_device import AdbDevice

__all__ = ["describe_android"]

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


def describe_android(device: AdbDevice) -> Device:
    """The device, by one visit to its shell; what it does not tell is unknown.

    Raises:
        BoardError: it is lost.
    """
    script = f"; echo '{SEPARATOR}'; ".join(f"{command} 2>/dev/null" for command in COMMANDS.values())
    answers = device.shell(script).stdout.decode("utf-8", "replace").split(SEPARATOR)
    told = {name: each.strip() for name, each in zip_longest(COMMANDS, answers[: len(COMMANDS)], fillvalue="")}
    return describe_device(_facts(told))


def _facts(told: dict[str, str]) -> dict[str, Any]:
    """As `levit_edge.device.facts.read_facts` gives them."""
    soc = f"({told['soc']})" if told["soc"] else ""
    total = re.search(r"^MemTotal: *(\d+) kB", told["meminfo"], re.MULTILINE)
    return {
        "machine": told["machine"],
        "kernel": told["kernel"],
        "usable_cores": _number(told["usable_cores"]),
        "cpuinfo": told["cpuinfo"],
        "cpus": [_core(line) for line in told["frequencies"].splitlines()],
        "memory_kb": _number(total[1]) if total else None,
        "model": " ".join(filter(None, (told["maker"], told["model"], soc))),
        "os": f"Android {told['release']} (API {told['sdk']})" if told["release"] else None,
        "python": "none",
    }


def _core(line: str) -> dict[str, int | None]:
    """Core and highest clock, of a line such as `/sys/devices/system/cpu/cpu4/cpufreq/cpuinfo_max_freq:2400000`."""
    path, _, khz = line.partition(":")
    core = path.split("/")[5].removeprefix("cpu") if path.count("/") > 5 else ""
    return {"cpu": _number(core), "max_khz": _number(khz)}


def _number(digits: str) -> int | None:
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 16 else None
