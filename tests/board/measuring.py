"""Measurements with a board that answers what a test wants."""

from typing import Any

from levit_edge.benchmark.measurement import Measurement
from levit_edge.board.measure import BenchmarkSettings, measure
from levit_edge.bundle.reader import Bundle
from levit_edge.documents import from_json, to_json
from levit_edge.errors import DataError
from tests.board.stand_in import HELLO, answering

QUICK = BenchmarkSettings(runs=4, threads=(1,))


def entry(file: str, **changes: Any) -> dict[str, Any]:
    """What the agent says of one file."""
    healthy: dict[str, Any] = {
        "file": file,
        "threads": 1,
        "rounds": [[4.0, 4.0], [4.0, 6.0]] if file == "fp32.onnx" else [[1.0, 1.0], [2.0, 3.0]],
        "error": None,
        "package": "onnxruntime 1.31.0",
        "imported_bytes": 60 << 20,
        "peak_bytes": 64 << 20,
        "load_ms": 12.3456,
        "first_ms": 3.0,
        "golden": {"images": 2, "same_top1": 2, "signal": 100.0, "noise": 0.001, "std": 1.0},
    }
    return healthy | changes


def answer(*entries: dict[str, Any], **changes: Any) -> dict[str, Any]:
    healthy: dict[str, Any] = {"before": {}, "after": {}, "entries": list(entries or BOTH), "sustained": None}
    return healthy | changes


BOTH = (entry("fp32.onnx"), entry("int8.onnx"))


def measured(
    bundle: Bundle, document: dict[str, Any], settings: BenchmarkSettings = QUICK, hello: dict[str, Any] = HELLO
) -> Measurement:
    """With a board that gives this answer."""
    measurement = measure(bundle, answering(hello=hello, bench=document), settings)
    assert from_json(Measurement, to_json(measurement), DataError, "measurement") == measurement
    return measurement


JOB: dict[str, Any] = {
    "files": [
        {"file": "a", "runtime": "onnxruntime", "int8": False},
        {"file": "b", "runtime": "onnxruntime", "int8": True},
    ],
    "threads": [1], "rounds": 3, "runs": 1, "warm_up": 0, "shape": [1, 3, 4, 4], "golden": "golden.npz",
    "least_sqnr_db": {"a": 60.0, "b": 20.0}, "sustained_s": 0, "profiled_runs": 0,
}  # fmt: skip
