import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from levit_edge.doctor import machine
from tests.device import cpuinfo_texts as texts

GIB = 2**30


def cpuinfo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, architecture: str) -> Path:
    monkeypatch.setattr("platform.machine", lambda: architecture)
    path = tmp_path / "cpuinfo"
    path.write_text(content)
    return path


def test_a_processor_with_dot_products_is_fine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check = machine.check_processor(cpuinfo(tmp_path, monkeypatch, texts.X86_VNNI, "x86_64"))
    assert check.status == "ok"
    assert check.found.startswith("2 × AMD EPYC 9004; ")
    assert check.found.endswith("for int8: avx2, avx512f, avx512_vnni")
    check = machine.check_processor(cpuinfo(tmp_path, monkeypatch, texts.RASPBERRY_PI_5, "aarch64"))
    assert (check.status, check.advice) == ("ok", "")


@pytest.mark.parametrize(
    ("content", "architecture"), [(texts.X86_OLD, "x86_64"), (texts.RASPBERRY_PI_3, "aarch64")], ids=["x86-64", "Pi 3"]
)
def test_a_processor_without_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, architecture: str
) -> None:
    check = machine.check_processor(cpuinfo(tmp_path, monkeypatch, content, architecture))
    assert check.status == "problem"
    assert "without int8 dot products" in check.advice


def test_a_processor_that_does_not_tell_is_not_blamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cpuinfo(tmp_path, monkeypatch, "", "riscv64")
    check = machine.check_processor(tmp_path / "nowhere")
    assert check.status == "ok"
    assert check.found.startswith("riscv64; ")
    assert check.found.endswith("for int8: nothing known")


@pytest.mark.parametrize(
    ("content", "status", "found"),
    [
        (f"MemTotal: 1 kB\nMemAvailable:   {8 * 2**20} kB\n", "ok", "8.0 GiB available"),
        (f"MemAvailable: {2**20} kB\n", "problem", "1.0 GiB available"),
        ("MemAvailable: many\n", "ok", "the system does not tell"),
        ("MemAvailable:\n", "ok", "the system does not tell"),
        ("", "ok", "the system does not tell"),
    ],
)
def test_memory(tmp_path: Path, content: str, status: str, found: str) -> None:
    (tmp_path / "meminfo").write_text(content)
    check = machine.check_memory(tmp_path / "meminfo")
    assert (check.status, check.found) == (status, found)


@pytest.mark.parametrize(("free", "status"), [(GIB, "ok"), (GIB - 1, "problem")])
def test_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, status: str) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=free))
    assert machine.check_disk(tmp_path).status == status


def test_other_systems_than_linux_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.check_python().status == "ok"
    monkeypatch.setattr("sys.platform", "darwin")
    assert machine.check_python().status == "problem"
