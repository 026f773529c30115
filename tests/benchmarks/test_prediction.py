import json
from pathlib import Path

import pytest

from benchmarks.prediction import Round, main


def test_what_quiet_cores_could_attain() -> None:
    assert Round(bare_ms=5.0, predict_ms=10.0).attainable(2) == 1.0
    assert Round(bare_ms=5.0, predict_ms=10.0).attainable(1) == 0.5


def test_both_ways_are_measured_on_the_same_photographs(
    tiny_bundle: Path, labelled_photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--images", str(labelled_photographs), "--limit", "4", "--processes", "1", "--rounds", "1"]
    assert main([str(tiny_bundle), *words, "--output", str(tmp_path / "x.json")]) == 0
    document = json.loads((tmp_path / "x.json").read_text())
    assert (document["file"], document["images"], document["processes"]) == ("int8.onnx", 4, 1)
    (measured,) = document["rounds"]
    assert 0 < measured["bare_ms"] < measured["predict_ms"]
    assert document["attainable"] == pytest.approx(measured["bare_ms"] / measured["predict_ms"])
    assert "4 images through int8.onnx; 1 process;" in capsys.readouterr().out
