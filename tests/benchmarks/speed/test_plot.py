"""The figure has every row, and is the same for the same figures."""

from pathlib import Path

import pytest

from benchmarks.speed.contender import Engine
from benchmarks.speed.plot import write_plot
from benchmarks.speed.results import Latencies, Row
from benchmarks.speed.statistics import Latency
from levit_edge.bundle.kinds import Precision
from levit_edge.bundle.manifest import ImageProvenance


@pytest.fixture
def latencies() -> Latencies:
    latency = Latency(median_ms=4.2, p90_ms=5.0, min_ms=4.0, runs=10)
    rows = [
        Row(name=name, runtime=engine, precision=Precision.FP32, threads=threads, latency=latency)
        for threads in (1, 2)
        for engine, name in ((Engine.TORCH, "timm fp32"), (Engine.EXECUTORCH, "ours fp32"), (Engine.EXECUTORCH, "mine"))
    ]
    rows.append(Row(name="absent", runtime=Engine.LITERT, precision=None, threads=1, reason="not installed: x"))
    rows.append(Row(name="absent", runtime=Engine.LITERT, precision=None, threads=2, reason="not installed: x"))
    return Latencies(
        caveat="none",
        command="none",
        created_utc="2026-01-01T00:00:00+00:00",
        model="LeViT-1",
        classes=2,
        weights="random",
        checkpoint_sha256="0" * 64,
        calibration=ImageProvenance(source="embedded", count=1, sha256="0" * 64),
        checked_images=1,
        rounds=2,
        runs=5,
        warm_up=1,
        load_average=0.0,
        host={"processor": "a desk calculator"},
        versions={},
        rows=tuple(rows),
    )


@pytest.mark.parametrize(("suffix", "beginning"), [("svg", b"<?xml"), ("png", b"\x89PNG")])
def test_a_figure_of_each_kind(suffix: str, beginning: bytes, latencies: Latencies, tmp_path: Path) -> None:
    first, second = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    write_plot(latencies, first)
    write_plot(latencies, second)
    assert first.read_bytes().startswith(beginning)
    assert first.read_bytes() == second.read_bytes()


def test_it_names_runtimes_contenders_and_what_is_missing(latencies: Latencies, tmp_path: Path) -> None:
    file = tmp_path / "figure.svg"
    write_plot(latencies, file)
    text = file.read_text()  # glyphs are paths, and what they spell is in comments
    for spelled in ("torch  timm fp32", "executorch  mine", "litert  absent", "no figure: see the table", "LeViT-1"):
        assert spelled in text
