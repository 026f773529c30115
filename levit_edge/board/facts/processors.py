"""Names of ARM processor cores, by the numbers in their main ID register (MIDR).

Sources: Linux, arch/arm64/include/asm/cputype.h (of 2025, up to Neoverse-N3, and its patches for the C1 cores), and
util-linux, sys-utils/lscpu-arm.c (up to C1 and Cortex-A320), which also has the 32-bit cores, Samsung's and Apple's.
Linux notes that Qualcomm's Kryo 5xx and 6xx call themselves Cortex-A77, A78, X1 and A55, and the small 5xx core
Kryo 4xx Silver.
"""

import csv
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

__all__ = ["known_parts", "processor_name", "processor_of_midr"]

MIDR = re.compile(r"0x[0-9A-Fa-f]{1,16}")


@cache
def known_parts() -> Mapping[tuple[int, int], str]:
    """The names in `processors.csv` by implementer and part."""
    text = files("levit_edge.board.facts").joinpath("processors.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return {(int(row["implementer"], 16), int(row["part"], 16)): row["name"] for row in rows}


def processor_name(implementer: int, part: int) -> str:
    """The core's name; one that is not known is called by its numbers, such as `ARM part 0x41:0xfff`."""
    return known_parts().get((implementer, part)) or f"ARM part {implementer:#04x}:{part:#05x}"


def processor_of_midr(midr: str) -> str | None:
    """The name of the core whose `midr_el1` Linux shows as `midr`, such as `0x00000000414fd0b1`.

    Implementer in bits 31-24, part in bits 15-4 (Arm Architecture Reference Manual, MIDR_EL1). None if it is no number
    or the implementer is 0, which is reserved for software.
    """
    if not MIDR.fullmatch(midr):
        return None
    value = int(midr, 16)
    implementer = value >> 24 & 0xFF
    return processor_name(implementer, value >> 4 & 0xFFF) if implementer else None
