"""A bundle on an emulated processor, with a script in qemu's place and this machine's onnxruntime."""

import io
from pathlib import Path

import pytest

from levit_edge.benchmark.measurement import EmulatedInference
from levit_edge.board.emulation.emulated import measure_emulated
from levit_edge.board.emulation.emulated_run import FileUnderTest
from levit_edge.board.emulation.instructions import main_thread_instructions, million_instructions
from levit_edge.board.emulation.kernels import count_sites, kernel_sites
from levit_edge.board.measure import BenchmarkSettings, measure
from levit_edge.board.transports.qemu import Emulator, QemuTransport
from levit_edge.bundle.kinds import Runtime
from levit_edge.bundle.reader import Bundle
from levit_edge.errors import BoardError
from tests.board.qemu_script import INFERENCE, SITES, TRANSLATED, make_emulator

MODEL = FileUnderTest(name="int8.pte", runtime=Runtime.EXECUTORCH, content=b"model" * 100_000, image_size=224)


@pytest.fixture
def emulator(tmp_path: Path) -> Emulator:
    return make_emulator(tmp_path / "boards")


def transport(emulator: Emulator) -> QemuTransport:
    return QemuTransport(f"qemu:{emulator.cpu}", folder=emulator.folder)


def test_a_bundle_is_checked_and_its_inferences_looked_at(tiny_bundle: Path, emulator: Emulator) -> None:
    steps: list[str] = []
    measured = measure_emulated(
        Bundle.open(tiny_bundle),
        transport(emulator),
        BenchmarkSettings(),
        lambda what, _done, _total: steps.append(what),
    )
    assert measured.device.emulator is not None
    assert measured.device.emulator.startswith("qemu-user")
    assert [(each.threads, each.runs, each.error) for each in measured.results] == [(1, 2, ""), (1, 2, "")]
    assert measured.speedups == ()
    assert "emulation" in measured.findings[0]
    assert measured.emulated == (
        EmulatedInference(artifact="fp32.onnx", million_instructions=INFERENCE / 1e6),
        EmulatedInference(artifact="int8.onnx", kernel_sites=SITES, million_instructions=INFERENCE / 1e6),
    )
    assert steps[-3:] == ["read kernels of int8.onnx", "count int8.onnx", "count fp32.onnx"]


def test_without_a_counting_qemu_instructions_are_unknown(tiny_bundle: Path, tmp_path: Path) -> None:
    emulator = make_emulator(tmp_path / "boards", counts=False)
    measured = measure_emulated(Bundle.open(tiny_bundle), transport(emulator), BenchmarkSettings(runs=3))
    assert [each.million_instructions for each in measured.emulated] == [None, None]
    assert measured.results[0].runs == 3


def test_a_latency_gate_is_refused(tiny_bundle: Path, emulator: Emulator) -> None:
    with pytest.raises(BoardError, match="--max-latency-ms"):
        measure(Bundle.open(tiny_bundle), transport(emulator), BenchmarkSettings(max_latency_ms=5))


def test_the_deadline_holds_for_all_of_it(emulator: Emulator) -> None:
    emulator.program.write_text("#!/bin/bash\nexec sleep 60\n")
    with pytest.raises(BoardError, match="--timeout"):
        kernel_sites(emulator, MODEL, deadline=0)


def test_start_up_is_not_counted(emulator: Emulator) -> None:
    assert million_instructions(emulator, MODEL) == INFERENCE / 1e6


@pytest.mark.parametrize(
    ("report", "status", "message"),
    [
        ("threads=5 std=1.5", 0, "5 threads"),
        ("threads=2 std=0.000000", 0, "all the same"),
        ("threads=2 std=nan", 0, "all the same"),
        ("", 0, "qemu:cortex-a76: int8.pte does not run there alone: last words"),
        ("threads=2 std=1.5", 1, "does not run"),
    ],
)
def test_runs_that_would_mean_nothing_are_refused(tmp_path: Path, report: str, status: int, message: str) -> None:
    emulator = make_emulator(tmp_path / "boards", report=report, status=status)
    with pytest.raises(BoardError, match=message):
        million_instructions(emulator, MODEL)
    with pytest.raises(BoardError, match=message):
        kernel_sites(emulator, MODEL)


def test_only_the_main_thread_counts() -> None:
    assert main_thread_instructions(io.BytesIO(b"cpu 0 insns: 12\ncpu 3 insns: 900\ntotal insns: 912\n")) == 12
    with pytest.raises(BoardError, match="cpu 0 insns"):
        main_thread_instructions(io.BytesIO(b"total insns: 912\n"))


def test_each_address_is_a_site_once() -> None:
    assert count_sites(io.BytesIO(TRANSLATED.encode())) == SITES


@pytest.mark.parametrize("part", range(1, 80, 7))
def test_sites_are_found_across_the_parts_of_a_log(monkeypatch: pytest.MonkeyPatch, part: int) -> None:
    monkeypatch.setattr("levit_edge.board.emulation.kernels.PART", part)
    assert count_sites(io.BytesIO(TRANSLATED.encode())) == SITES


@pytest.mark.parametrize("instruction", ["smmla", "ummla", "usmmla", "usdot", "sudot", "umlal", "umlal2"])
def test_other_int8_instructions_are_known(instruction: str) -> None:
    log = f"0x10:  d65f03c0  ret      \n0x14:  4f80e220  {instruction:8} z0.s, z1.b, z2.b\n"
    assert count_sites(io.BytesIO(log.encode())) == {instruction.removesuffix("2"): 1}


def test_a_file_without_int8_instructions_has_none() -> None:
    assert count_sites(io.BytesIO(b"0x10:  d65f03c0  ret      \n")) == {}


def test_a_qemu_that_does_not_disassemble_is_refused(tmp_path: Path) -> None:
    emulator = make_emulator(tmp_path / "boards", translated="IN: main\nOBJD-T: c0035fd6\n")
    with pytest.raises(BoardError, match="logs no instructions"):
        kernel_sites(emulator, MODEL)
