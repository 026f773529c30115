"""What a board told about itself, as the dataclasses of a measurement.

Every value was sent by the board and may be anything: what is not of the right type or size is left out, and text loses
its control characters (see `levit_edge.text`).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from levit_edge.benchmark.measurement import BoardState, CoreGroup, Device
from levit_edge.device.cpuinfo import MAX_CHARACTERS, CpuInfo, read_cpuinfo
from levit_edge.device.float16 import Float16, float16_of
from levit_edge.device.processors import processor_of_midr
from levit_edge.text import MAX_ENTRIES, entries, number, text

__all__ = ["describe_device", "describe_state", "float16_there"]

FEATURES = {
    "aarch64": ("asimd", "asimddp", "i8mm", "sve", "sve2", "bf16", "asimdhp", "sme"),
    "arm": ("neon", "asimddp", "i8mm", "asimdbf16", "asimdhp"),
    "x86_64": ("avx2", "avx_vnni", "avx512f", "avx512_vnni", "amx_int8"),
}
"""Linux's names of what decides the speed of int8, by the family of the architecture."""
UNKNOWN = "unknown"
MAX_KHZ = 2e7
MAX_KIB = 2**40
COLDEST, HOTTEST = -40.0, 150.0
"""Degrees Celsius; a sensor that is off may read -274 or 255."""
THROTTLED_NOW = 0x2 | 0x4 | 0x8
"""Bits of Raspberry Pi's `get_throttled` (its documentation, "vcgencmd"): 1 frequency capped, 2 throttled, 3 soft
temperature limit. Bit 0, under-voltage, is followed by the cap; from bit 16 on it is the past since start."""
MAX_CAPABILITIES = 2**64
TEXT, LONGEST_WHY = 80, 300


def describe_device(facts: object, *, emulator: str | None = None) -> Device:
    """The board that `facts`, which its agent sent, are about; `emulator` is what it runs in, if that is known here."""
    known = entries(facts)
    info = read_cpuinfo(_cpuinfo(known))
    architecture = text(known.get("machine"), 20) or UNKNOWN
    emulator = emulator or text(known.get("emulator"), TEXT)
    cores = _core_groups(info, known.get("cpus"), emulated=bool(emulator))
    listed = FEATURES.get(_family(architecture), ())
    return Device(
        model=text(known.get("model"), TEXT) or UNKNOWN,
        architecture=architecture,
        cores=cores,
        usable_cores=int(number(known.get("usable_cores"), 1, MAX_ENTRIES) or sum(each.count for each in cores) or 1),
        features=tuple(feature for feature in listed if feature in info.features),
        memory_bytes=_bytes(known.get("memory_kb")) or 0,
        system=text(known.get("os"), TEXT) or UNKNOWN,
        kernel=text(known.get("kernel"), TEXT) or UNKNOWN,
        python=text(known.get("python"), 40) or UNKNOWN,
        emulator=", ".join([emulator, *(each.name.lower() for each in cores if each.name != UNKNOWN)])
        if emulator
        else None,
    )


def float16_there(facts: object) -> Float16:
    """What the board that `facts`, which its agent sent, are about makes of a file with float16."""
    known = entries(facts)
    capabilities = number(known.get("hwcap"), 0, MAX_CAPABILITIES)
    architecture = text(known.get("machine"), 20) or UNKNOWN
    found = float16_of(architecture, _cpuinfo(known), None if capabilities is None else int(capabilities))
    return replace(found, why=text(found.why, LONGEST_WHY))


def describe_state(state: object) -> BoardState:
    """The board's clock, heat and load that `state`, which its agent sent, is about."""
    known = entries(state)
    governors = [text(each, 40) for each in entries(known.get("governors")).values()]
    frequencies = [number(each, 1, MAX_KHZ) for each in entries(known.get("khz")).values()]
    return BoardState(
        governors=tuple(dict.fromkeys(filter(None, governors))),
        mhz=tuple(khz / 1000 for khz in frequencies if khz is not None),
        temperatures=_temperatures(known.get("temperatures_mc")),
        throttled=_throttled(known.get("throttled")),
        load_average=number(known.get("load"), 0, 1e5),
        available_bytes=_bytes(known.get("available_kb")),
    )


def _cpuinfo(facts: Mapping[str, object]) -> str:
    content = facts.get("cpuinfo")
    return content[:MAX_CHARACTERS] if isinstance(content, str) else ""


def _family(architecture: str) -> str:
    """`armv7l`, `armv8l` and the like are 32-bit ARM."""
    if architecture in {"aarch64", "arm64"}:
        return "aarch64"
    if architecture.startswith("arm"):
        return "arm"
    return "x86_64" if architecture.lower() in {"x86_64", "amd64"} else ""


def _core_groups(info: CpuInfo, cpus: object, *, emulated: bool) -> tuple[CoreGroup, ...]:
    """Cores of one name and one highest frequency together; an emulator shows the frequencies of its own host."""
    sysfs = _sysfs(cpus)
    names = {core: text(name, TEXT) for core, name in info.names.items()}
    for core, (midr_name, _) in sysfs.items():
        if midr_name and not emulated:
            names[core] = midr_name
    kinds = Counter(
        (name or UNKNOWN, None if emulated else sysfs.get(core, (None, None))[1]) for core, name in names.items()
    )
    groups = [CoreGroup(name=name, count=count, max_mhz=mhz) for (name, mhz), count in kinds.items()]
    return tuple(sorted(groups, key=lambda group: -(group.max_mhz or 0)))


def _sysfs(cpus: object) -> dict[int, tuple[str | None, float | None]]:
    """Core -> its name by midr, and its highest frequency in MHz."""
    found = {}
    for cpu in cpus[:MAX_ENTRIES] if isinstance(cpus, list) else ():
        known = entries(cpu)
        core, khz = number(known.get("cpu"), 0, MAX_ENTRIES), number(known.get("max_khz"), 1, MAX_KHZ)
        if core is not None:
            found[int(core)] = (processor_of_midr(text(known.get("midr"), 20)), khz and khz / 1000)
    return found


def _temperatures(zones: object) -> dict[str, float]:
    read = {text(zone, 40): number(each, COLDEST * 1000, HOTTEST * 1000) for zone, each in entries(zones).items()}
    return {zone: each / 1000 for zone, each in read.items() if zone and each is not None}


def _throttled(bits: object) -> bool | None:
    try:
        return bool(int(text(bits, 20), 16) & THROTTLED_NOW)
    except ValueError:
        return None


def _bytes(kibibytes: object) -> int | None:
    amount = number(kibibytes, 1, MAX_KIB)
    return None if amount is None else int(amount) * 1024
