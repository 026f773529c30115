"""Names of ARM processor cores, by the numbers in their main ID register (MIDR).

Sources: Linux, arch/arm64/include/asm/cputype.h (of 2025, up to Neoverse-N3, and its patches for the C1 cores), and
util-linux, sys-utils/lscpu-arm.c (up to C1 and Cortex-A320), which also has the 32-bit cores, Samsung's and Apple's.
Linux notes that Qualcomm's Kryo 5xx and 6xx call themselves Cortex-A77, A78, X1 and A55, and the small 5xx core
Kryo 4xx Silver.
"""

from __future__ import annotations

import re

PARTS = {
    0x41: {
        0xC05: "Cortex-A5",
        0xC07: "Cortex-A7",
        0xC08: "Cortex-A8",
        0xC09: "Cortex-A9",
        0xC0D: "Cortex-A17",
        0xC0E: "Cortex-A17",
        0xC0F: "Cortex-A15",
        0xB76: "ARM1176",
        0xD01: "Cortex-A32",
        0xD02: "Cortex-A34",
        0xD03: "Cortex-A53",
        0xD04: "Cortex-A35",
        0xD05: "Cortex-A55",
        0xD06: "Cortex-A65",
        0xD07: "Cortex-A57",
        0xD08: "Cortex-A72",
        0xD09: "Cortex-A73",
        0xD0A: "Cortex-A75",
        0xD0B: "Cortex-A76",
        0xD0C: "Neoverse-N1",
        0xD0D: "Cortex-A77",
        0xD0E: "Cortex-A76AE",
        0xD40: "Neoverse-V1",
        0xD41: "Cortex-A78",
        0xD42: "Cortex-A78AE",
        0xD43: "Cortex-A65AE",
        0xD44: "Cortex-X1",
        0xD46: "Cortex-A510",
        0xD47: "Cortex-A710",
        0xD48: "Cortex-X2",
        0xD49: "Neoverse-N2",
        0xD4A: "Neoverse-E1",
        0xD4B: "Cortex-A78C",
        0xD4C: "Cortex-X1C",
        0xD4D: "Cortex-A715",
        0xD4E: "Cortex-X3",
        0xD4F: "Neoverse-V2",
        0xD80: "Cortex-A520",
        0xD81: "Cortex-A720",
        0xD82: "Cortex-X4",
        0xD83: "Neoverse-V3AE",
        0xD84: "Neoverse-V3",
        0xD85: "Cortex-X925",
        0xD87: "Cortex-A725",
        0xD88: "Cortex-A520AE",
        0xD89: "Cortex-A720AE",
        0xD8A: "C1-Nano",
        0xD8B: "C1-Pro",
        0xD8C: "C1-Ultra",
        0xD8E: "Neoverse-N3",
        0xD8F: "Cortex-A320",
        0xD90: "C1-Premium",
    },
    0x42: {
        0x00F: "Brahma-B15",
        0x100: "Brahma-B53",
        0x516: "ThunderX2",
    },
    0x43: {
        0x0A0: "ThunderX",
        0x0A1: "ThunderX 88XX",
        0x0A2: "ThunderX 81XX",
        0x0A3: "ThunderX 83XX",
        0x0AF: "ThunderX2 99xx",
        0x0B0: "OcteonTX2",
        0x0B1: "OcteonTX2 98XX",
        0x0B2: "OcteonTX2 96XX",
        0x0B3: "OcteonTX2 95XX",
        0x0B4: "OcteonTX2 95XXN",
        0x0B5: "OcteonTX2 95XXMM",
        0x0B6: "OcteonTX2 95XXO",
        0x0B8: "ThunderX3 T110",
    },
    0x46: {
        0x001: "A64FX",
        0x003: "MONAKA",
    },
    0x48: {
        0xD01: "TaiShan v110",
        0xD02: "TaiShan v120",
        0xD40: "Cortex-A76",
        0xD41: "Cortex-A77",
    },
    0x4E: {
        0x000: "Denver",
        0x003: "Denver 2",
        0x004: "Carmel",
        0x010: "Olympus",
    },
    0x50: {
        0x000: "X-Gene",
    },
    0x51: {
        0x001: "Oryon",
        0x00F: "Scorpion",
        0x02D: "Scorpion",
        0x04D: "Krait",
        0x06F: "Krait",
        0x200: "Kryo",
        0x201: "Kryo",
        0x205: "Kryo",
        0x211: "Kryo",
        0x800: "Kryo 2xx Gold or Falkor V1",
        0x801: "Kryo 2xx Silver",
        0x802: "Kryo 3xx Gold",
        0x803: "Kryo 3xx Silver",
        0x804: "Kryo 4xx Gold",
        0x805: "Kryo 4xx Silver",
        0xC00: "Falkor",
        0xC01: "Saphira",
    },
    0x53: {
        0x001: "Exynos M1",
        0x002: "Exynos M3",
        0x003: "Exynos M4",
        0x004: "Exynos M5",
    },
    0x56: {
        0x131: "Feroceon 88FR131",
        0x581: "PJ4",
        0x584: "PJ4B-MP",
    },
    0x61: {
        0x020: "Icestorm (A14)",
        0x021: "Firestorm (A14)",
        0x022: "Icestorm (M1)",
        0x023: "Firestorm (M1)",
        0x024: "Icestorm (M1 Pro)",
        0x025: "Firestorm (M1 Pro)",
        0x028: "Icestorm (M1 Max)",
        0x029: "Firestorm (M1 Max)",
        0x030: "Blizzard (A15)",
        0x031: "Avalanche (A15)",
        0x032: "Blizzard (M2)",
        0x033: "Avalanche (M2)",
        0x034: "Blizzard (M2 Pro)",
        0x035: "Avalanche (M2 Pro)",
        0x036: "Sawtooth (A16)",
        0x037: "Everest (A16)",
        0x038: "Blizzard (M2 Max)",
        0x039: "Avalanche (M2 Max)",
    },
    0x6D: {
        0xD49: "Azure Cobalt 100",
    },
    0x70: {
        0x303: "FTC310",
        0x660: "FTC660",
        0x661: "FTC661",
        0x662: "FTC662",
        0x663: "FTC663",
        0x664: "FTC664",
        0x862: "FTC862",
    },
    0xC0: {
        0xAC3: "Ampere-1",
        0xAC4: "Ampere-1a",
    },
}
"""Implementer -> part -> name."""
MIDR = re.compile(r"0x[0-9A-Fa-f]{1,16}")


def processor_name(implementer: int, part: int) -> str:
    """The core's name; one that is not known is called by its numbers, such as `ARM part 0x41:0xfff`."""
    return PARTS.get(implementer, {}).get(part) or f"ARM part {implementer:#04x}:{part:#05x}"


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
