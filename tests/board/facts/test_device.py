"""What boards say about themselves; the texts are in `cpuinfo_texts`, with where they are from."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from levit_edge.benchmark.measurement import BoardState, CoreGroup, Device
from levit_edge.board.facts.device import describe_device, describe_state
from levit_edge.documents import from_json, to_json
from levit_edge.errors import DataError
from tests.device import cpuinfo_texts as texts

PI_5: dict[str, Any] = {
    "machine": "aarch64",
    "cpuinfo": texts.RASPBERRY_PI_5,
    "cpus": [{"cpu": core, "max_khz": 2400000, "midr": "0x00000000414fd0b1"} for core in range(4)],
    "model": "Raspberry Pi 5 Model B Rev 1.0\0",
    "os": "Debian GNU/Linux 12 (bookworm)",
    "kernel": "6.6.31",
    "python": "3.11.2",
    "memory_kb": 8245248,
    "usable_cores": 4,
    "emulator": None,
}
PI_5_STATE: dict[str, Any] = {
    "governors": {"0": "ondemand", "1": "ondemand"},
    "khz": {"0": 1500000, "1": 2400000},
    "temperatures_mc": {"cpu-thermal": 45250},
    "throttled": "0x0",
    "load": 0.5,
    "available_kb": 7000000,
}
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def group(name: str, count: int, max_mhz: float | None = None) -> CoreGroup:
    return CoreGroup(name=name, count=count, max_mhz=max_mhz)


def described(cpuinfo: str, machine: str = "aarch64", **others: Any) -> Device:
    return describe_device({"machine": machine, "cpuinfo": cpuinfo, **others})


def test_a_raspberry_pi_5() -> None:
    assert describe_device(PI_5) == Device(
        model="Raspberry Pi 5 Model B Rev 1.0",
        architecture="aarch64",
        cores=(group("Cortex-A76", 4, 2400.0),),
        usable_cores=4,
        features=("asimd", "asimddp", "asimdhp"),
        memory_bytes=8245248 * 1024,
        system="Debian GNU/Linux 12 (bookworm)",
        kernel="6.6.31",
        python="3.11.2",
    )


@pytest.mark.parametrize(
    ("device", "cores", "features"),
    [
        (described(texts.RASPBERRY_PI_3), (group("Cortex-A53", 4),), ("asimd",)),
        (described(texts.RASPBERRY_PI_4_32_BIT, "armv7l"), (group("Cortex-A72", 4),), ("neon",)),
        (
            described(texts.RK3588),
            (group("Cortex-A55", 4), group("Cortex-A76", 4)),
            ("asimd", "asimddp", "asimdhp"),
        ),
        (
            described(texts.SNAPDRAGON_865),
            (group("Kryo 4xx Silver", 4), group("Cortex-A77", 4)),
            ("asimd", "asimddp", "asimdhp"),
        ),
        (described(texts.SNAPDRAGON_617), (group("Cortex-A53", 8),), ("asimd",)),
        (described(texts.SNAPDRAGON_617_IN_PARTS), (group("Cortex-A53", 8),), ("asimd",)),
        (
            described(texts.NEOVERSE_V1),
            (group("Neoverse-V1", 64),),
            ("asimd", "asimddp", "i8mm", "sve", "bf16", "asimdhp"),
        ),
        (
            described(texts.X86_VNNI, "x86_64"),
            (group("AMD EPYC 9004", 2),),
            ("avx2", "avx512f", "avx512_vnni"),
        ),
        (described(texts.X86_OLD, "x86_64"), (group("Intel(R) Core(TM) i5-4570 CPU @ 3.20GHz", 4),), ("avx2",)),
    ],
    ids=["Pi 3", "Pi 4, 32-bit", "RK3588", "phone", "old phone", "old phone 2", "cloud", "x86-64", "old x86-64"],
)
def test_other_machines(device: Device, cores: tuple[CoreGroup, ...], features: tuple[str, ...]) -> None:
    assert device.cores == cores
    assert device.features == features


def test_the_fastest_kind_of_core_comes_first_and_differing_frequencies_are_kinds() -> None:
    khz = [1800000] * 4 + [2256000] * 2 + [2304000] * 2
    device = described(
        texts.RK3588, cpus=[{"cpu": core, "max_khz": each, "midr": None} for core, each in enumerate(khz)]
    )
    assert device.cores == (
        group("Cortex-A76", 2, 2304.0),
        group("Cortex-A76", 2, 2256.0),
        group("Cortex-A55", 4, 1800.0),
    )


def test_midr_names_cores_that_cpuinfo_does_not() -> None:
    midrs = ["0x00000000410fd034"] * 4 + ["0x00000000411fd073"] * 2
    device = described("", cpus=[{"cpu": core, "max_khz": None, "midr": midr} for core, midr in enumerate(midrs)])
    assert device.cores == (group("Cortex-A53", 4), group("Cortex-A57", 2))
    assert device.usable_cores == 6  # where the board does not say


def test_cores_that_are_off_are_not_counted() -> None:
    cpus = [{"cpu": core, "max_khz": 2400000, "midr": None} for core in range(8)]
    assert described(texts.RASPBERRY_PI_5, cpus=cpus).cores == (group("Cortex-A76", 4, 2400.0),)


def test_an_emulator_shows_its_own_hosts_frequencies() -> None:
    device = describe_device(PI_5 | {"emulator": "qemu-user"})
    assert device.emulator == "qemu-user, cortex-a76"
    assert device.cores == (group("Cortex-A76", 4, None),)
    on_arm = [{"cpu": 0, "max_khz": 3000000, "midr": "0x00000000410fd490"}]
    assert describe_device(PI_5 | {"emulator": "qemu-user", "cpus": on_arm}).cores == (group("Cortex-A76", 4, None),)
    own = texts.arm(range(2), "0x051", texts.V1, implementer="0x00")  # qemu's `-cpu max`
    assert described(own, emulator="qemu-user").emulator == "qemu-user"


def test_nothing_tells_whose_board_it_is() -> None:
    document = json.dumps(to_json(describe_device(PI_5 | {"hostname": "kitchen", "serial": texts.PI_SERIAL})))
    assert texts.PI_SERIAL not in document
    assert "kitchen" not in document


def test_its_state() -> None:
    assert describe_state(PI_5_STATE) == BoardState(
        governors=("ondemand",),
        mhz=(1500.0, 2400.0),
        temperatures={"cpu-thermal": 45.25},
        throttled=False,
        load_average=0.5,
        available_bytes=7000000 * 1024,
    )


@pytest.mark.parametrize(
    ("bits", "throttled"),
    [
        ("0x0", False),
        ("0x50000", False),  # it was, at some time since the start
        ("0x1", False),  # under-voltage alone
        ("0x2", True),
        ("0x50005", True),
        ("0x8", True),
        ("yes", None),
        (None, None),
        (5, None),
    ],
)
def test_the_firmware_says_whether_it_throttles_now(bits: object, throttled: bool | None) -> None:
    assert describe_state({"throttled": bits}).throttled is throttled


def test_readings_of_sensors_that_are_off_are_left_out() -> None:
    state = describe_state({"temperatures_mc": {"off": -274000, "cpu": 51000, "none": 255000, "": 1000, "text": "50"}})
    assert state.temperatures == {"cpu": 51.0}


def test_what_is_missing_is_unknown() -> None:
    nothings: list[object] = [None, {}, [], "facts", 7]
    for nothing in nothings:
        device = describe_device(nothing)
        assert (device.model, device.architecture, device.system, device.kernel, device.python) == ("unknown",) * 5
        assert (device.cores, device.features, device.usable_cores, device.memory_bytes) == ((), (), 1, 0)
        assert device.emulator is None
        assert describe_state(nothing) == BoardState()


def test_text_has_no_control_characters_and_an_end() -> None:
    device = describe_device({"model": "\x1b]0;title\x07A\x1b[31m  board\n\u202e\ud800\x9b", "os": "x" * 10_000})
    assert device.model == "]0;titleA[31m board"
    assert len(device.system) == 80


def test_sizes_have_an_end() -> None:
    crowd = texts.arm(range(9990), "0xd03", texts.A53)
    cpus = [{"cpu": core, "max_khz": 1000, "midr": "0x00000000410fd034"} for core in range(9990)]
    device = described(crowd, cpus=cpus, memory_kb=10**400, usable_cores=10**9)
    assert sum(each.count for each in device.cores) <= 4097
    assert device.memory_bytes == 0
    assert device.usable_cores == sum(each.count for each in device.cores)
    state = describe_state({"khz": {str(core): 1000 for core in range(99_999)}, "load": 10**400})
    assert len(state.mhz) <= 4096
    assert state.load_average is None


@given(
    st.dictionaries(st.sampled_from([*PI_5]), anything),
    st.dictionaries(st.sampled_from([*PI_5_STATE]), anything),
    st.text(alphabet="processor: \n0123x\tCPUimplementarFeaturesflags"),
)
def test_whatever_a_board_sends_becomes_a_valid_document(
    facts: dict[str, Any], state: dict[str, Any], cpuinfo: str
) -> None:
    for sent in (facts, PI_5 | facts, PI_5 | {"cpuinfo": cpuinfo}):
        device = describe_device(sent)
        document = json.loads(json.dumps(to_json(device), allow_nan=False))
        assert from_json(Device, document, DataError, "it") == device
        assert device.usable_cores >= 1
    for sent in (state, PI_5_STATE | state):
        described = describe_state(sent)
        document = json.loads(json.dumps(to_json(described), allow_nan=False))
        assert from_json(BoardState, document, DataError, "it") == described
