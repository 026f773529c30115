"""Which processors take the file with float16, by what they say of themselves."""

import ctypes
from pathlib import Path

import pytest

from levit_edge.device import float16, small_files
from levit_edge.device.cpuinfo import MAX_CHARACTERS
from levit_edge.device.float16 import Float16, float16_here, float16_of
from tests.device import cpuinfo_texts as texts

BIG_WITHOUT = texts.arm(range(4), "0xd05", texts.A76) + texts.arm(range(4, 8), "0xd0b", "fp asimd fphp")
EXYNOS_9810 = texts.arm(range(4), "0xd05", texts.A76) + texts.arm(range(4, 8), "0x002", texts.A76, implementer="0x53")


@pytest.mark.parametrize(
    ("architecture", "cpuinfo", "found"),
    [
        (
            "aarch64",
            texts.RASPBERRY_PI_5,
            Float16(True, True, "Cortex-A76 has float16 arithmetic (fphp, asimdhp in /proc/cpuinfo)"),
        ),
        (
            "aarch64",
            texts.RK3588,
            Float16(True, True, "Cortex-A55 and Cortex-A76 has float16 arithmetic (fphp, asimdhp in /proc/cpuinfo)"),
        ),
        (
            "aarch64",
            texts.RASPBERRY_PI_3,
            Float16(False, False, "Cortex-A53 has no float16 arithmetic (no fphp, asimdhp in /proc/cpuinfo)"),
        ),
        (
            "aarch64",
            BIG_WITHOUT,
            Float16(False, False, "Cortex-A55 and Cortex-A76 has no float16 arithmetic (no asimdhp in /proc/cpuinfo)"),
        ),
        (
            "aarch64",
            EXYNOS_9810,
            Float16(False, False, "Exynos M3 has no float16 arithmetic, whatever /proc/cpuinfo says"),
        ),
        (
            "armv7l",
            texts.RASPBERRY_PI_4_32_BIT,
            Float16(False, False, "Cortex-A72 has no float16 arithmetic that serves on armv7l"),
        ),
        (
            "armv8l",
            texts.RASPBERRY_PI_5,
            Float16(False, False, "Cortex-A76 has no float16 arithmetic that serves on armv8l"),
        ),
        (
            "x86_64",
            texts.X86_VNNI,
            Float16(False, True, "AMD EPYC 9004 (x86_64) has no float16 arithmetic to speed it up"),
        ),
        (
            "AMD64",
            texts.x86(1, "old", "fpu sse2 avx"),
            Float16(False, False, "old (AMD64) has no AVX2, without which it fails on x86-64"),
        ),
        (
            "arm64",
            "",
            Float16(
                False,
                False,
                "it is not known whether the processor has float16 arithmetic (/proc/cpuinfo lists no features)",
            ),
        ),
        (
            "x86_64",
            "",
            Float16(
                False,
                False,
                "it is not known whether the processor (x86_64) has AVX2 (/proc/cpuinfo lists no features)",
            ),
        ),
    ],
    ids=[
        "A76",
        "big and little",
        "A53",
        "big without",
        "9810",
        "32-bit",
        "32-bit A76",
        "x86",
        "old x86",
        "unknown",
        "unknown x86",
    ],
)
def test_a_processor_is_known_by_the_features_of_all_its_cores(architecture: str, cpuinfo: str, found: Float16) -> None:
    assert float16_of(architecture, cpuinfo) == found


def test_where_cpuinfo_lists_no_features_the_system_tells() -> None:
    cores = "processor: 0\nCPU implementer: 0x41\nCPU part: 0xd0b\n"
    assert float16_of("aarch64", cores, 0b11 << 9) == Float16(
        True, True, "Cortex-A76 has float16 arithmetic (fphp, asimdhp in AT_HWCAP)"
    )
    assert float16_of("aarch64", cores, 1 << 9) == Float16(
        False, False, "Cortex-A76 has no float16 arithmetic (no asimdhp in AT_HWCAP)"
    )
    assert not float16_of("aarch64", texts.RASPBERRY_PI_3, 0b11 << 9).runs  # what both say must be there


def test_a_refusal_names_processor_feature_and_what_to_use() -> None:
    assert float16_of("aarch64", texts.RASPBERRY_PI_3).refusal("int8-f16.pte", "int8.pte") == (
        "int8-f16.pte computes in float16, and Cortex-A53 has no float16 arithmetic (no fphp, asimdhp in"
        " /proc/cpuinfo): use int8.pte"
    )


def test_this_processor_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(float16, "machine", lambda: "aarch64")
    monkeypatch.setattr(float16, "read_text", lambda _path, _most: texts.RK3588)
    assert float16_here().fast
    monkeypatch.setattr(float16, "read_text", lambda _path, _most: None)
    monkeypatch.setattr(float16, "hardware_capabilities", lambda: 0)
    assert float16_here().why.endswith("AT_HWCAP)")
    monkeypatch.setattr(float16, "machine", lambda: "AMD64")
    monkeypatch.setattr(float16, "hardware_capabilities", lambda: pytest.fail("its bits are of ARM"))
    assert "not known" in float16_here().why


def test_capabilities_are_a_number_or_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert small_files.hardware_capabilities()  # of this Linux
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    assert small_files.hardware_capabilities() is None


def test_a_longer_text_than_other_small_files_is_read_whole(tmp_path: Path) -> None:
    """64 KiB end within the features of some core: those of 40 x86-64 cores are longer."""
    many = texts.x86(1000, "x", "fpu avx2")
    (tmp_path / "cpuinfo").write_text(many)
    assert small_files.read_text(str(tmp_path / "cpuinfo"), MAX_CHARACTERS) == many.strip()
    assert len(small_files.read_text(str(tmp_path / "cpuinfo")) or "") <= 1 << 16 < len(many)
