"""The main job on the embedded demo: what `make demo` does, and what can be done with the result."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from levit_edge import demo
from levit_edge.bundle.reader import Bundle
from levit_edge.report.report_data import read_report_data
from levit_edge.runtime.inspect.executorch import inspect_executorch
from levit_edge.runtime.inspect.onnx import inspect_onnx
from levit_edge.runtime.runner import open_runner
from tests.conftest import Made
from tests.faults.tiny_levit import TINY, write_checkpoint
from tests.integration.conftest import hidden, levit_edge

pytestmark = pytest.mark.export
FILES = {"manifest.json", "int8.pte", "int8-f16.pte", "int8.onnx", "fp32.pte", "fp32.onnx", "labels.txt", "golden.npz"}
FILES |= {"evidence.json", "report.html"}
WITH_TINY = (sys.executable, "-m", "tests.faults.tiny")
BARE = ("--no-bench", "--no-thumbnails", "--no-float16")
MAX_DROP_PT = 1.0
LEAST_SQNR_DB = 32.0
"""Seen: 35 dB. One of the 120 photographs is 0.8 points, so the drop alone says little."""
INT8_OPERATORS = {"MatMulInteger": 5 * 4 + 2 * 4 + 7 * 2 + 1}
"""Attentions, shrinking attentions, MLPs, the head: all dynamic. The stem computes in float in ONNX files."""


def test_the_bundle_is_whole(demo_bundle: Made) -> None:
    path, _ = demo_bundle
    assert {file.name for file in path.iterdir()} == FILES
    assert hidden(path.parent) == []
    bundle = Bundle.open(path)
    assert bundle.labels()[0] == "dress"
    manifest = bundle.manifest
    assert manifest.calibration.count == len(manifest.calibration.files) == 150
    assert manifest.calibration.source == "embedded"
    assert manifest.recipe.calibration_images == 150


def test_the_json_is_the_documented_one(demo_bundle: Made) -> None:
    _, document = demo_bundle
    assert document["schema_version"] == 1
    assert document["samples"] == 120
    assert (document["gate"]["max_drop_pt"], document["gate"]["passed"]) == (None, None)
    assert {result["artifact"] for result in document["results"]} == FILES - {
        "manifest.json",
        "labels.txt",
        "golden.npz",
        "evidence.json",
        "report.html",
    }
    for result in document["results"]:
        assert {"runtime", "precision", "size_bytes", "top1", "top5", "images_per_second"} <= set(result)
        if result["precision"] != "fp32":
            low, high = result["drop_ci95_pt"]
            assert low < result["drop_pt"] < high
            assert result["drop_pt"] <= MAX_DROP_PT
            assert result["sqnr_db"] > LEAST_SQNR_DB
            assert result["agreement"] > 90
    assert {"calibrate", "export int8.pte", "verify"} <= {stage["name"] for stage in document["stages"]}


def test_one_delegate_and_every_layer_in_int8(demo_bundle: Made) -> None:
    bundle = Bundle.open(demo_bundle[0])
    for file in ("int8.pte", "int8-f16.pte", "fp32.pte"):
        facts = inspect_executorch(bundle.read(file))
        assert facts.delegates == ("XnnpackBackend",)
        assert facts.operators_outside == {}
    int8 = inspect_onnx(bundle.read("int8.onnx"))
    assert int8.int8_operators == INT8_OPERATORS
    fp32 = inspect_onnx(bundle.read("fp32.onnx"))
    assert not fp32.int8_operators
    assert not fp32.conversions


def test_the_onnx_files_are_self_contained_and_portable(demo_bundle: Made) -> None:
    bundle = Bundle.open(demo_bundle[0])
    for file in ("int8.onnx", "fp32.onnx"):
        data = bundle.read(file)
        model = onnx.load_model_from_string(data)
        onnx.checker.check_model(model, full_check=True)
        assert [(each.domain, each.version) for each in model.opset_import] == [("", 18)]
        assert inspect_onnx(data).self_contained
        assert str(Path.home()).encode() not in data
        assert b".py" not in data


def test_golden_outputs_come_again(demo_bundle: Made) -> None:
    bundle = Bundle.open(demo_bundle[0])
    golden = bundle.golden()
    for artifact in bundle.manifest.artifacts:
        runner = open_runner(artifact.runtime, bundle.read(artifact.file))
        logits = np.stack([runner.run(image[np.newaxis]) for image in golden["inputs"]])
        np.testing.assert_allclose(logits, golden[artifact.file], atol=1e-4 * np.abs(logits).max())
        assert len({float(value) for value in logits.ravel()}) > logits.size / 2


def test_verify_says_the_same_again(demo_bundle: Made) -> None:
    path, document = demo_bundle
    run = levit_edge("verify", path, "--evaluation", demo.evaluation_dir(), "--max-drop", "50", "--json")
    assert run.returncode == 0, run.stderr
    again = json.loads(run.stdout)
    assert (again["gate"]["max_drop_pt"], again["gate"]["passed"]) == (50.0, True)
    untimed = [{**result, "images_per_second": None} for result in again["results"]]
    assert untimed == [{**result, "images_per_second": None} for result in document["results"]]


def test_the_evidence_is_that_of_the_figures(demo_bundle: Made) -> None:
    bundle = Bundle.open(demo_bundle[0])
    report_data, manifest = read_report_data(bundle), bundle.manifest
    assert report_data is not None
    assert [each.layer for each in report_data.layers] == [each.layer for each in manifest.layers]
    assert all(each.sqnr_db is not None and 25 < each.sqnr_db < 60 for each in report_data.layers)
    assert report_data.flips is not None
    for result in manifest.verification.results:
        if result.precision != "fp32":
            counts = [count for count in report_data.flips.counts if count.artifact == result.artifact]
            assert sum(count.images for count in counts) == round(1.2 * (100 - (result.agreement or 0)))
            assert sum(count.lost for count in counts) == result.flips_lost
    assert len(report_data.flips.shown) == report_data.flips.images > 0
    assert report_data.latency is not None
    assert [each.threads for each in report_data.latency.results] == [1, 1, 1, 1]
    assert all(each.latency_ms for each in report_data.latency.results)
    assert (report_data.latency.bundle, report_data.latency.model.manifest_sha256) == (bundle.path.name, "")


def test_the_report_can_be_made_again_from_the_bundle_alone(demo_bundle: Made, tmp_path: Path) -> None:
    run = levit_edge("report", demo_bundle[0], "--output", tmp_path / "again.html")
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "again.html").read_bytes() == (demo_bundle[0] / "report.html").read_bytes()


def test_a_failed_gate_is_exit_4(demo_bundle: Made) -> None:
    run = levit_edge("verify", demo_bundle[0], "--evaluation", demo.evaluation_dir(), "--max-drop", "-50")
    assert run.returncode == 4
    assert "gate FAILED" in run.stdout


def test_quantize_keeps_a_bundle_that_fails_its_gate_and_marks_it(tmp_path: Path) -> None:
    output, checkpoint = tmp_path / "bundle", write_checkpoint(tmp_path / "tiny.pth", config=replace(TINY, classes=10))
    calibration = ("--calibration", demo.calibration_dir(), "--calibration-images", "16")
    evaluation = ("--evaluation", demo.evaluation_dir(), "--limit", "20", "--max-drop", "-50")
    arguments = ("quantize", "--checkpoint", checkpoint, *calibration, *evaluation, "--output", output, *BARE)
    run = levit_edge(*arguments, command=WITH_TINY)
    assert run.returncode == 4, run.stderr
    assert "gate FAILED" in run.stdout
    assert "budget NOT kept on 10 other images" in " ".join(run.stdout.split())
    assert "no choice of schemes kept the drop within -50 points" in " ".join(run.stderr.split())
    manifest = Bundle.open(output).manifest
    assert manifest.verification.gate.passed is False
    assert manifest.verification.samples == 10
    assert manifest.search is not None
    assert not manifest.search.held
    report = (output / "report.html").read_text()
    assert "Accuracy gate failed" in report
    assert "Not kept on 10 other images" in report
    assert "data:image" not in report
    report_data = read_report_data(Bundle.open(output))
    assert report_data is not None
    assert (report_data.latency, report_data.limit) == (None, 20)


def test_predict_and_inspect(demo_bundle: Made) -> None:
    path, _ = demo_bundle
    photograph = next((demo.evaluation_dir() / "pants").iterdir())
    for asked, runtime in (
        ((), "onnxruntime"),
        (("--runtime", "executorch"), "executorch"),
        (("--precision", "int8-f16"), "executorch"),
    ):
        run = levit_edge("predict", path, photograph, *asked, "--top", "3", "--json")
        assert run.returncode == 0, run.stderr
        document = json.loads(run.stdout)
        assert document["runtime"] == runtime
        (result,) = document["results"]
        assert len(result["guesses"]) == 3
        assert result["guesses"][0]["label"] == "pants"
    run = levit_edge("inspect", path, "--json")
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["verification"]["samples"] == 120


def test_unlabelled_images_measure_agreement_only(demo_bundle: Made, tmp_path: Path) -> None:
    for photograph in (demo.evaluation_dir() / "hat").iterdir():
        shutil.copy(photograph, tmp_path)
    run = levit_edge("verify", demo_bundle[0], "--evaluation", tmp_path)
    assert run.returncode == 0, run.stderr
    assert "the drop was not measured" in " ".join(run.stdout.split())
    refused = levit_edge("verify", demo_bundle[0], "--evaluation", tmp_path, "--max-drop", "1")
    assert refused.returncode == 3
