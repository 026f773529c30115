"""What the commands print: one JSON document, or text, on stdout; the rest on stderr."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from levit_edge.cli.main import run
from levit_edge.errors import ExitStatus

RESULT_KEYS = {
    "artifact", "runtime", "precision", "size_bytes", "top1", "top5", "drop_pt", "drop_ci95_pt", "agreement", "sqnr_db",
    "images_per_second",
}  # fmt: skip

Captured = pytest.CaptureFixture[str]


def json_of(capsys: Captured, *arguments: object, status: int = 0) -> dict[str, Any]:
    """The one JSON document that the command prints: anything else on stdout is an error."""
    assert run([*map(str, arguments), "--json"]) == status
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def test_verify_prints_the_documented_json(capsys: Captured, tiny_bundle: Path, labelled_photographs: Path) -> None:
    document = json_of(capsys, "verify", tiny_bundle, "--evaluation", labelled_photographs, "--runtime", "onnxruntime")
    assert {"schema_version", "bundle", "samples", "gate", "results", "stages"} <= set(document)
    assert document["schema_version"] == 1
    assert document["bundle"] == str(tiny_bundle)
    assert document["samples"] == 32
    assert document["gate"] == {"max_drop_pt": None, "passed": None, "on": "drop", "allow_poor_fp32": False}
    assert [result["artifact"] for result in document["results"]] == ["fp32.onnx", "int8.onnx"]
    assert all(set(result) >= RESULT_KEYS for result in document["results"])
    assert document["results"][1]["drop_pt"] == 18.75
    low, high = document["results"][1]["drop_ci95_pt"]
    assert low < 18.75 < high
    assert [set(stage) for stage in document["stages"]] == [{"name", "seconds", "peak_rss_bytes"}]


@pytest.mark.parametrize(("max_drop", "status"), [(20, ExitStatus.DONE), (1, ExitStatus.GATE_FAILED)])
def test_a_failed_gate_is_exit_status_4(
    capsys: Captured, tiny_bundle: Path, labelled_photographs: Path, max_drop: float, status: ExitStatus
) -> None:
    arguments = ["verify", str(tiny_bundle), "--evaluation", str(labelled_photographs), "--max-drop", str(max_drop)]
    document = json_of(capsys, *arguments, status=status)
    assert (document["gate"]["max_drop_pt"], document["gate"]["passed"]) == (max_drop, status == ExitStatus.DONE)
    assert run(arguments) == status
    assert ("gate FAILED" in capsys.readouterr().out) == (status == ExitStatus.GATE_FAILED)


def test_without_labels_the_json_says_so(capsys: Captured, tiny_bundle: Path, unlabelled_photographs: Path) -> None:
    result = json_of(capsys, "verify", tiny_bundle, "--evaluation", unlabelled_photographs)["results"][1]
    assert result["top1"] is result["drop_pt"] is result["drop_ci95_pt"] is None
    assert result["agreement"] < 100
    assert run(["verify", str(tiny_bundle), "--evaluation", str(unlabelled_photographs)]) == ExitStatus.DONE
    assert "the drop was not measured" in capsys.readouterr().out


def test_verify_tells_of_its_progress_on_stderr(
    capsys: Captured, tiny_bundle: Path, labelled_photographs: Path
) -> None:
    assert run(["verify", str(tiny_bundle), "--evaluation", str(labelled_photographs)]) == ExitStatus.DONE
    captured = capsys.readouterr()
    assert re.fullmatch(r"verify 32/32 in [\d.]+ s, [\d.]+/s\n", captured.err)
    assert "int8.onnx: 10 flips lost, 4 gained" in captured.out
    assert "int8.onnx: 32 images cannot tell a drop of 18.75 points from none, or from" in captured.out


def test_predict_prints_one_json_document(capsys: Captured, tiny_bundle: Path, labelled_photographs: Path) -> None:
    images = sorted(labelled_photographs.glob("green/*"))[:2]
    document = json_of(capsys, "predict", tiny_bundle, *images, "--top", 2, "--precision", "fp32")
    results = document.pop("results")
    assert document == {
        "schema_version": 1,
        "bundle": str(tiny_bundle),
        "runtime": "onnxruntime",
        "precision": "fp32",
        "errors": [],
    }
    assert [result["image"] for result in results] == [str(image) for image in images]
    for result in results:
        assert [set(guess) for guess in result["guesses"]] == [{"index", "label", "probability"}] * 2


def test_inspect_prints_one_json_document(capsys: Captured, tiny_bundle: Path) -> None:
    document = json_of(capsys, "inspect", tiny_bundle)
    assert (document["schema_version"], document["kind"], document["classes"]) == (1, "bundle", 3)
    assert [artifact["file"] for artifact in document["artifacts"]] == ["fp32.onnx", "int8.onnx"]
    document = json_of(capsys, "inspect", tiny_bundle / "fp32.onnx")
    assert (document["kind"], document["opset"]) == ("ONNX model", 18)


def test_labels_of_any_language_and_markup_reach_the_terminal(
    capsys: Captured, tiny_bundle: Path, tmp_path: Path
) -> None:
    path = tmp_path / "[red]blue.png"
    Image.new("RGB", (40, 40), (0, 0, 255)).save(path)
    assert run(["predict", str(tiny_bundle), str(path), "--top", "1"]) == ExitStatus.DONE
    image, guess = capsys.readouterr().out.splitlines()
    assert image == str(path)
    assert guess.endswith("%  blå")
