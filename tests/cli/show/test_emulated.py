"""What is printed of an emulated processor."""

import pytest
from rich.console import Console

from levit_edge.benchmark.measurement import EmulatedInference
from levit_edge.cli.show.emulated import emulated_table, instructions_note

INT8 = EmulatedInference(artifact="int8.pte", kernel_sites={"sdot": 248, "smmla": 1}, million_instructions=48.921)
FP32 = EmulatedInference(artifact="fp32.pte", million_instructions=119.6)


def printed(*emulated: EmulatedInference) -> list[list[str]]:
    console = Console(width=80)
    with console.capture() as capture:
        console.print(emulated_table(emulated))
    return [line.rstrip().split(maxsplit=2) for line in capture.get().splitlines()[1:]]


def test_kernels_and_millions_of_instructions() -> None:
    assert printed(INT8, FP32) == [
        ["int8.pte", "48.9", "sdot (248 sites), smmla (1 site)"],
        ["fp32.pte", "119.6", "–"],
    ]
    note = instructions_note((INT8, FP32))
    assert "no time" in note
    assert "3 %" in note


def test_what_is_not_known_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEVIT_EDGE_BOARDS", "/boards")
    uncounted = EmulatedInference(artifact="int8.pte", kernel_sites={})
    ((_, millions, kernels),) = printed(uncounted)
    assert millions == "–"
    assert kernels == "none"
    assert "scripts/board/setup.sh /boards --counting" in instructions_note((uncounted,))
