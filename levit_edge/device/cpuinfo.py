"""Reading /proc/cpuinfo: the cores that are on, what each is, and what all of them can do.

Linux writes one block of `key : value` lines for each core. Old Android kernels write the processor numbers first and
one block for all of them at the end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from levit_edge.device.processors import processor_name

MAX_CHARACTERS = 4 * 2**20
"""A machine of 500 x86-64 cores writes about 1 MB."""
MAX_CORES = 4096
CORE = re.compile(r"[0-9]{1,4}")
NUMBER = re.compile(r"0x[0-9A-Fa-f]{1,8}")


@dataclass(frozen=True)
class CpuInfo:
    """What the text says."""

    names: dict[int, str]
    """Core -> its name, in the order of the text; empty for a core of which nothing more is said."""
    features: frozenset[str]
    """What every block that lists features has."""


def read_cpuinfo(content: str) -> CpuInfo:
    """Take what there is from the text, whatever it is."""
    names: dict[int, str] = {}
    features: list[frozenset[str]] = []
    last_name = ""
    for block in content[:MAX_CHARACTERS].split("\n\n"):
        lines = [line.partition(":") for line in block.splitlines()]
        values = {key.strip(): value.strip() for key, _, value in lines}
        last_name = _name(values) or last_name
        cores = [value.strip() for key, _, value in lines if key.strip() == "processor"]
        names.update({int(core): _name(values) for core in cores if CORE.fullmatch(core) and len(names) < MAX_CORES})
        listed = values.get("Features") or values.get("flags")
        if listed:
            features.append(frozenset(listed.split()))
    return CpuInfo(
        names={core: name or last_name for core, name in names.items()},
        features=frozenset.intersection(*features) if features else frozenset(),
    )


def _name(values: dict[str, str]) -> str:
    """By the part number, as ARM kernels' `model name` is only the architecture; x86-64 has no part number."""
    implementer, part = values.get("CPU implementer", ""), values.get("CPU part", "")
    if NUMBER.fullmatch(implementer) and NUMBER.fullmatch(part):
        return processor_name(int(implementer, 16), int(part, 16)) if int(implementer, 16) else ""
    return values.get("model name", "")
