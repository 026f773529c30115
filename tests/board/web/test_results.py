"""A result that a page sends is a measurement of this bundle, or refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from levit_edge.board.web.results import read_result
from levit_edge.bundle.reader import Bundle
from levit_edge.errors import MeasurementError


def document(bundle: Bundle) -> dict[str, Any]:
    """As web_demo/page/bench.js writes it."""
    config = bundle.manifest.config
    sizes = {each.file: each.size_bytes for each in bundle.manifest.artifacts}
    latency = {"p50": 1.0, "p90": 2.0, "p99": 3.0, "min": 0.5}
    row = {"runtime": "onnxruntime", "threads": 1, "package": "onnxruntime-web 1.30.0", "runs": 100, "load_ms": 5.0}
    row |= {"first_ms": 2.0, "latency_ms": latency, "images_per_second": 1000.0}
    row |= {"golden": {"images": 2, "same_top1": 2, "sqnr_db": None}}
    device = {"model": "unknown", "architecture": "wasm32", "features": ["simd128"], "memory_bytes": 0}
    device |= {"cores": [{"name": "unknown", "count": 8, "max_mhz": None}], "usable_cores": 8}
    device |= {"system": "Linux", "kernel": "Chromium 150", "python": ""}
    return {
        "schema_version": 1, "levit_edge_version": "0.1.0", "created_utc": "2026-11-28T19:20:17+00:00", "target": "web",
        "bundle": config.name, "device": device, "before": {}, "after": {}, "rounds": 5, "runs": 20, "warm_up": 3,
        "model": {
            "name": f"LeViT-{config.name}", "classes": config.classes, "image_size": config.image_size,
            "manifest_sha256": bundle.manifest_sha256,
        },
        "results": [
            row | {"artifact": f"{each}.onnx", "precision": each, "size_bytes": sizes[f"{each}.onnx"]}
            for each in ("int8", "fp32")
        ],
        "speedups": [
            {"runtime": "onnxruntime", "precision": "int8", "threads": 1, "median": 1.5, "p25": 1.4, "p75": 1.6}
        ],
        "findings": ["In a browser, in WebAssembly: not native speed."],
    }  # fmt: skip


def test_it_is_of_this_bundle(tiny_bundle: Path) -> None:
    bundle = Bundle.open(tiny_bundle)
    found = read_result(json.dumps(document(bundle)).encode(), bundle)
    assert found.bundle == str(bundle.path)
    assert found.model.manifest_sha256 == bundle.manifest_sha256
    assert [each.artifact for each in found.results] == ["int8.onnx", "fp32.onnx"]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"target": "local"}, "is not of the models of"),
        ({"model": {"name": "LeViT-384", "classes": 3, "image_size": 32, "manifest_sha256": ""}}, "not of the models"),
        (
            {"model": {"name": "LeViT-tiny", "classes": 3, "image_size": 32, "manifest_sha256": "0" * 64}},
            "not of the models",
        ),
        ({"gate": {"max_latency_ms": 5.0, "passed": True}}, "has gate, which no page measures"),
        ({"left_out": {"int8.onnx": "too slow"}, "emulated": [{"artifact": "x"}]}, "has left_out, emulated, which no"),
        ({"before": {"throttled": True}}, "has before, which"),
        ({"sustained": {"artifact": "x", "threads": 1, "points": [], "slowdown": 1.0}}, "has sustained, which"),
        ({"schema_version": 2}, "schema version 2"),
        ({"more": 1}, "more"),
        ({"findings": ["\x1b[31mred"]}, "control characters"),
        ({"findings": ["x" * 3000]}, "has 3,000 characters"),
        ({"created_utc": "yesterday"}, "not a date"),
        ({"results": []}, "results"),
    ],
)
def test_what_is_none_is_refused(tiny_bundle: Path, changes: dict[str, Any], fault: str) -> None:
    bundle = Bundle.open(tiny_bundle)
    with pytest.raises(MeasurementError, match=fault):
        read_result(json.dumps(document(bundle) | changes).encode(), bundle)


@pytest.mark.parametrize("change", [{"precision": "fp32"}, {"runtime": "executorch"}, {"size_bytes": 7}])
def test_files_are_those_of_the_bundle_in_all_that_tells_them_apart(tiny_bundle: Path, change: dict[str, Any]) -> None:
    bundle = Bundle.open(tiny_bundle)
    sent = document(bundle)
    sent["results"][0] |= change
    with pytest.raises(MeasurementError, match="is not of the models of"):
        read_result(json.dumps(sent).encode(), bundle)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "not JSON"),
        (b"garbage", "not JSON"),
        (b"[1]", "what the page sent is of schema version None"),
        (b'{"error": "no memory\\u001b[0m here"}', "could not measure: no memory"),
    ],
)
def test_garbage_and_failures_are_refused(tiny_bundle: Path, content: bytes, fault: str) -> None:
    with pytest.raises(MeasurementError, match=fault) as refused:
        read_result(content, Bundle.open(tiny_bundle))
    assert "\x1b" not in str(refused.value)
