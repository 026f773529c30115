import pytest

from levit_edge.device.processors import PARTS, processor_name, processor_of_midr


@pytest.mark.parametrize(
    ("implementer", "part", "name"),
    [
        (0x41, 0xD03, "Cortex-A53"),
        (0x41, 0xD05, "Cortex-A55"),
        (0x41, 0xD08, "Cortex-A72"),
        (0x41, 0xD0B, "Cortex-A76"),
        (0x41, 0xD41, "Cortex-A78"),
        (0x41, 0xD44, "Cortex-X1"),
        (0x41, 0xD0C, "Neoverse-N1"),
        (0x41, 0xD49, "Neoverse-N2"),
        (0x41, 0xC07, "Cortex-A7"),
        (0x51, 0x001, "Oryon"),
        (0x46, 0x001, "A64FX"),
        (0x61, 0x023, "Firestorm (M1)"),
        (0xC0, 0xAC3, "Ampere-1"),
    ],
)
def test_parts_have_names(implementer: int, part: int, name: str) -> None:
    assert processor_name(implementer, part) == name


@pytest.mark.parametrize(
    "name",
    [
        *(f"Cortex-A{n}" for n in (5, 7, 9, 15, 17, 32, 34, 35, 53, 55, 57, 65, 72, 73, 75, 76, 77, 78, 320, 510, 520)),
        *(f"Cortex-A{n}" for n in ("78C", 710, 715, 720, 725)),
        *(f"Cortex-X{n}" for n in (1, 2, 3, 4, 925)),
        *(f"C1-{n}" for n in ("Nano", "Pro", "Premium", "Ultra")),
        *(f"Neoverse-{n}" for n in ("E1", "N1", "N2", "N3", "V1", "V2", "V3")),
    ],
)
def test_every_arm_core_of_the_last_years_is_known(name: str) -> None:
    assert name in PARTS[0x41].values()


def test_an_unknown_part_is_called_by_its_numbers() -> None:
    assert processor_name(0x41, 0xFFF) == "ARM part 0x41:0xfff"
    assert processor_name(0x99, 0x1) == "ARM part 0x99:0x001"


def test_a_midr_is_taken_apart() -> None:
    assert processor_of_midr("0x00000000414fd0b1") == "Cortex-A76"
    assert processor_of_midr("0x00000000518f8023") == "Kryo 3xx Gold"
    assert processor_of_midr("0x00000000000f0510") is None  # software's own
    for nonsense in ("", "414fd0b1", "0x", "0x414fd0b1 ", "0x" + "4" * 17):
        assert processor_of_midr(nonsense) is None
