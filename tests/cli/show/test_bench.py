"""How a measurement looks on a terminal."""

import dataclasses
import io
import re
from typing import Any

import pytest
from rich.console import Console

from levit_edge.benchmark.measurement import (
    CoreGroup,
    EmulatedInference,
    GoldenCheck,
    Latency,
    LatencyGate,
    Measurement,
    Sustained,
)
from levit_edge.benchmark.measurement import SustainedPoint as Point
from levit_edge.bundle.kinds import Precision
from levit_edge.cli.show.bench import bench_table, instructions_note, print_emulated
from levit_edge.cli.terminal.console import stdout
from tests.benchmark import profiles
from tests.board.example import COOL, FAST, MEASUREMENT, PI_5, RESULTS, measured

FIGURE = re.compile(r"[0-9.]+|–|same|dB")


def shown(measurement: Measurement) -> list[str]:
    """On a terminal of 80 columns."""
    stream = io.StringIO()
    bench_table(measurement, Console(file=stream, width=80))
    return stream.getvalue().splitlines()


WIDE = tuple(
    dataclasses.replace(
        each,
        threads=128,
        latency_ms=Latency(p50=12345.6, p90=23456.7, p99=98765.4, min=11111.1),
        images_per_second=0.0810,
        load_ms=54321.0,
        first_ms=65432.1,
        peak_rss_bytes=12345 << 20,
        golden=GoldenCheck(images=8, same_top1=8, sqnr_db=131.4),
    )
    for each in RESULTS
)
FASTEST = tuple(
    dataclasses.replace(
        each, latency_ms=Latency(p50=0.0123, p90=0.02, p99=0.03, min=0.01), images_per_second=81300.8, golden=None
    )
    for each in RESULTS
)


@pytest.mark.parametrize("results", [RESULTS, WIDE, FASTEST, (*WIDE[:2], *FASTEST[2:])])
def test_the_table_fits_80_columns_and_cuts_no_figure(results: Any) -> None:
    lines = shown(measured(results=results))
    assert max(map(len, lines)) <= 80
    rows = [line.split() for line in lines if line.startswith(("fp32.", "int8."))]
    assert len(rows) == len(results)
    for row, result in zip(rows, results, strict=True):
        assert row[0] == result.artifact
        assert row[1] == str(result.threads)
        assert all(FIGURE.fullmatch(each) for each in row[1:]), row
        assert float(row[2]) == pytest.approx(result.latency_ms.p50, rel=0.2)
    assert "…" not in "".join(lines)


def test_memory_that_the_system_does_not_tell_is_left_out() -> None:
    assert "GiB" not in " ".join(shown(measured(device=dataclasses.replace(PI_5, memory_bytes=0))))


def test_every_line_of_the_report_fits() -> None:
    failed = dataclasses.replace(
        RESULTS[3], latency_ms=None, runs=0, error="it does not compute here what it " + "did " * 40
    )
    fast = CoreGroup(name="Cortex-X4", count=2, max_mhz=3000.0)
    device = dataclasses.replace(PI_5, cores=(fast, CoreGroup(name="Cortex-A520", count=6, max_mhz=None)))
    curve = Sustained(artifact="int8.pte", threads=4, slowdown=1.5, points=(Point(seconds=60.0, p50_ms=12.0),))
    lines = shown(
        measured(
            results=(*RESULTS[:3], failed),
            device=device,
            sustained=curve,
            findings=("a finding " * 20,),
            left_out={"int8-f16.pte": "int8-f16.pte computes in float16, and the processor " + "has not " * 20},
            speedups=(*FAST, dataclasses.replace(FAST[0], precision=Precision.INT8_FLOAT16)),
            gate=LatencyGate(max_latency_ms=5.0, passed=False),
        )
    )
    assert max(map(len, lines)) <= 80
    text = " ".join(" ".join(lines).split())
    assert "int8.onnx, 1 thread: it does not compute here" in text
    assert "2 × Cortex-X4 at 3000 MHz, 6 × Cortex-A520, aarch64, 8.0 GiB" in text
    assert "governor ondemand; 2400 MHz before, 2400 MHz after" in text
    assert "55 °C before, 55 °C after" in text
    assert "60 s of int8.pte without a pause, 4 threads: 1.50 times as slow at the end as at the beginning" in text
    assert "! a finding" in text
    assert "int8-f16.pte computes in float16, and the processor has not" in text
    assert "executorch, 1 thread: INT8 with float16 is 2.50 times as fast as fp32" in text
    assert "gate FAILED: the fastest INT8 median is to take at most 5 ms" in text
    assert any(re.fullmatch(r"int8\.onnx +1( +–){9}", line) for line in lines)


def test_what_a_system_does_not_tell_is_left_out() -> None:
    bare = dataclasses.replace(COOL, governors=(), mhz=(), temperatures={})
    text = "\n".join(shown(measured(before=bare, after=bare, device=dataclasses.replace(PI_5, cores=(), features=()))))
    assert "governor" not in text
    assert "°C" not in text
    assert "unknown cores" in text
    assert MEASUREMENT.before.governors == ("ondemand",)


@pytest.mark.parametrize(("load", "said"), [(0.1, False), (10.2, True)])
def test_what_others_slowed_is_said_in_the_headline_and_beside_each_speed_up(load: float, said: bool) -> None:
    lines = shown(measured(before=dataclasses.replace(COOL, load_average=load), speedups=FAST))
    text = " ".join(lines[1:3])
    assert ("NOT TO BE RELIED ON: slowed by other programs (load average 10.2 on 4 cores)" in text) is said
    speedups = " ".join(" ".join(lines).split()).count(", while others slowed it")
    assert speedups == (len(FAST) if said else 0)


@pytest.mark.parametrize("columns", [None, "80"])
def test_a_pipe_has_whole_lines_unless_it_has_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: str | None
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.setattr(stdout, "_width", None)  # of the environment in which it was made
    if columns is not None:
        monkeypatch.setenv("COLUMNS", columns)
    finding = "a finding " * 20
    bench_table(measured(findings=(finding,), results=WIDE), stdout)
    lines = capsys.readouterr().out.splitlines()
    assert (f"! {finding.strip()}" in lines) is (columns is None)
    assert (max(map(len, lines)) <= 80) is (columns is not None)


# --- emulated ---------------------------------------------------------------------------------------------------------

INT8 = EmulatedInference(artifact="int8.pte", kernel_sites={"sdot": 248, "smmla": 1}, million_instructions=48.921)
FP32 = EmulatedInference(artifact="fp32.pte", million_instructions=119.6)


def printed(*emulated: EmulatedInference) -> list[list[str]]:
    console = Console(width=80)
    with console.capture() as capture:
        print_emulated(emulated, console)
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


def test_profiles_are_tables_with_what_they_cost() -> None:
    lines = shown(measured(profiles=(profiles.FP32, profiles.INT8, profiles.PROGRAM)))
    assert "where the time goes, 1 thread: milliseconds of one image" in lines
    rows = [line.split() for line in lines]
    for row in ("stem 4.000 40 % 4.000 41 %", "QGemm – 1.800 18 %", "conversions – 2.000 20 %"):
        assert row.split() in rows
    assert max(map(len, lines)) <= 80
    said = " ".join(lines)
    assert "profiled 1.25 times as long" in said
    assert "no profile of int8.pte: It cannot tell." in said
