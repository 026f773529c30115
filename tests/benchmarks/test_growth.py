"""The growth table as a command."""

from argparse import Namespace

import pytest

from benchmarks.growth import main, run
from benchmarks.speed.contender import Engine
from benchmarks.speed.growth_results import Growth, Row, show
from benchmarks.speed.statistics import Latency
from levit_edge.bundle.kinds import Precision
from levit_edge.documents import from_json, to_json
from levit_edge.errors import DataError, ExitStatus

GROWTH = Growth(
    caveat="Made up.",
    command="python -m benchmarks.growth",
    created_utc="2026-01-01T00:00:00+00:00",
    threads=1,
    rounds=2,
    runs=3,
    load_average=0.5,
    host={"processor": "a desk calculator", "architecture": "none", "cores": "1", "system": "none", "python": "3"},
    versions={},
    rows=(
        Row(
            model="LeViT-128S",
            runtime=Engine.EXECUTORCH,
            precision=Precision.INT8,
            multiply_adds=305_000_000,
            latency=Latency(median_ms=3.05, p90_ms=4.5, min_ms=3.0, runs=6),
            ms_per_gmac=10.0,
            outside_percent=42.0,
            size_bytes=2**20,
        ),
        Row(
            model="LeViT-384",
            runtime=Engine.ONNXRUNTIME,
            precision=Precision.FP32,
            multiply_adds=2_000_000_000,
            reason="failed: it was too large",
        ),
    ),
)


@pytest.mark.parametrize("arguments", [["--model", "demo"], ["--threads", "0"], ["--output", "no/such/folder/x.json"]])
def test_wrong_usage_is_refused_before_any_work(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == ExitStatus.USAGE


def test_the_document_round_trips() -> None:
    assert from_json(Growth, to_json(GROWTH), DataError, "the growth") == GROWTH


def test_the_table_has_figures_and_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    show(GROWTH)
    printed = capsys.readouterr().out
    (row,) = (line for line in printed.splitlines() if line.startswith("executorch"))
    assert row.split() == ["executorch", "int8", "LeViT-128S", "0.305", "3.05", "4.50", "3.00", "10.0", "42", "1.0"]
    assert "LeViT-384 onnxruntime fp32: failed: it was too large" in printed


@pytest.mark.export
def test_the_demo_in_both_runtimes_and_precisions() -> None:
    growth = run(Namespace(model=["demo"], threads=1, rounds=2, runs=2), "none")
    assert [(row.runtime, row.precision) for row in growth.rows] == [
        (engine, precision)
        for engine in (Engine.EXECUTORCH, Engine.ONNXRUNTIME)
        for precision in (Precision.FP32, Precision.INT8)
    ]
    for row in growth.rows:
        assert row.reason == ""
        assert row.latency is not None
        assert row.ms_per_gmac == pytest.approx(row.latency.median_ms / row.multiply_adds * 1e9, abs=1e-3)
        assert (row.outside_percent is None) == (row.runtime is Engine.EXECUTORCH)
