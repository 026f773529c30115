"""What levit-edge's own files are charged for."""

from dataclasses import replace

from benchmarks.ours import seconds_for
from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.manifest import Artifact
from levit_edge.system.progress import StageRecord
from tests.conftest import tiny_manifest


def test_a_file_is_charged_for_its_own_export_only() -> None:
    stages = {
        "read checkpoint": 1.0,
        "fold batch norm": 2.0,
        "calibrate": 4.0,
        "export fp32.pte": 8.0,
        "export int8.pte": 16.0,
        "export int8.onnx": 32.0,
        "check exports": 64.0,
        "verify": 128.0,
    }
    records = tuple(StageRecord(name=name, seconds=seconds, peak_rss_bytes=1) for name, seconds in stages.items())
    int8, fp32 = (
        Artifact(file=f"{each}.pte", runtime=Runtime.EXECUTORCH, precision=each, size_bytes=1, sha256="0" * 64)
        for each in (Precision.INT8, Precision.FP32)
    )
    manifest = replace(tiny_manifest((), {"labels.txt": "", "golden.npz": ""}), stages=records)
    assert seconds_for(manifest, int8) == 1 + 2 + 4 + 16
    assert seconds_for(manifest, fp32) == 1 + 2 + 8
