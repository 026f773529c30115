"""The race as a command: wrong usage, bad input, and a small LeViT's own files raced without any peer."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.latency import main
from benchmarks.speed.results import Latencies
from benchmarks.speed.table import TABLE_COLUMNS
from levit_edge.documents import from_json, read_json, to_json
from levit_edge.errors import DataError, ExitStatus
from tests.conftest import colour_classifier
from tests.faults.tiny_levit import SMALL, write_checkpoint


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--model", "demo", "--threads", "1,0"],
        ["--model", "demo", "--rounds", "0"],
        ["--model", "demo", "--only", "nobody/*"],
        ["--model", "demo", "--file", "x.onnx"],
        ["--model", "demo", "--file", "mine=x.bin"],
        ["--model", "demo", "--file", "ours fp32=x.onnx"],
        ["--model", "demo", "--output", "no/such/folder/figures.json"],
        ["--model", "demo", "--plot", "no/such/folder/figure.svg"],
        ["--model", "demo", "--plot", "figure.txt"],
    ],
)
def test_wrong_usage_is_refused_before_any_work(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == ExitStatus.USAGE


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "demo", "--file", "mine={}/none.onnx"], "error: There is no file {}/none.onnx"),
        (["--checkpoint", "{}/none.pth"], "error: {}/none.pth does not exist"),
        (["--model", "demo", "--calibration", "{}/none"], "error: {}/none"),
    ],
)
def test_bad_input_is_one_message(
    arguments: list[str], message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = str(tmp_path)
    assert main([each.format(folder) for each in arguments]) == ExitStatus.BAD_INPUT
    assert message.format(folder) in capfd.readouterr().err


@pytest.mark.export
def test_a_small_network_races(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = write_checkpoint(tmp_path / "small.pth", config=SMALL)
    given, output, plot = tmp_path / "given.onnx", tmp_path / "figures.json", tmp_path / "figure.svg"
    given.write_bytes(colour_classifier(4 * np.eye(3)))  # 32 pixels: it cannot run, and is a row all the same
    only = ["*/ours fp32", "executorch/ours int8 static", "onnxruntime/ours int8 mixed, fused attention"]
    arguments = ["--checkpoint", str(checkpoint), "--rounds", "2", "--runs", "2", "--threads", "2,1"]
    arguments += ["--calibration-images", "10"]
    arguments += [each for glob in only for each in ("--only", glob)]
    arguments += ["--file", f"mine={given}", "--output", str(output), "--plot", str(plot)]
    assert main(arguments) == ExitStatus.DONE

    latencies = from_json(Latencies, read_json(output, DataError, "the figures"), DataError, "the figures")
    assert json.loads(output.read_text()) == to_json(latencies)
    assert (latencies.calibration.count, latencies.checked_images, latencies.rounds, latencies.runs) == (10, 10, 2, 2)
    assert [row.threads for row in latencies.rows] == [1] * 6 + [2] * 6
    rows = {(f"{row.runtime}/{row.name}", row.threads): row for row in latencies.rows}
    for key in ("executorch/ours fp32", "executorch/ours int8 static"):
        for threads in (1, 2):
            row = rows[key, threads]
            assert row.latency is not None, row.reason
            assert row.latency.runs == 4
            assert row.latency.min_ms <= row.latency.median_ms <= row.latency.p90_ms
            assert row.sqnr_db is not None
            assert row.sqnr_db > (100 if key.endswith("fp32") else 10)
            assert row.peak_rss_bytes is not None
            assert row.imported_rss_bytes is not None
            assert row.peak_rss_bytes > row.imported_rss_bytes
    assert rows["executorch/ours int8 static", 1].to_fp32 is not None
    assert rows["executorch/ours int8 static", 1].to_stock_int8 is None
    assert rows["onnxruntime/mine", 1].reason.startswith("failed: ")

    printed = capsys.readouterr().out
    assert f"$ python -m benchmarks.latency {' '.join(arguments[:4])}" in printed
    assert all(len(line) <= TABLE_COLUMNS for line in printed.splitlines() if line.startswith("executorch  "))
    assert "1 thread" in printed
    assert "2 threads" in printed
    assert plot.read_text().startswith("<?xml")
    assert "given file" in plot.read_text() or "<path" in plot.read_text()
