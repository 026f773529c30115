"""What is spent outside convolutions and linears."""

from pathlib import Path

import pytest

from benchmarks.speed import ours
from benchmarks.speed.contender import Workshop
from benchmarks.speed.prepare import Wanted, prepare
from benchmarks.speed.shares import onnxruntime_share, share_of_events


def test_share_of_events() -> None:
    events = [
        {"cat": "Session", "name": "model_run", "dur": 1000},
        {"cat": "Node", "name": "a_fence_before", "dur": 500, "args": {"op_name": "Gemm"}},
        {"cat": "Node", "name": "a_kernel_time", "dur": 50, "args": {"op_name": "QGemm"}},
        {"cat": "Node", "name": "b_kernel_time", "dur": 10, "args": {"op_name": "FusedConv"}},
        {"cat": "Node", "name": "c_kernel_time", "dur": 15, "args": {"op_name": "MatMul"}},
        {"cat": "Node", "name": "d_kernel_time", "dur": 25, "args": {"op_name": "Softmax"}},
    ]
    assert share_of_events(events) == pytest.approx(40)


@pytest.fixture
def demo(tmp_path: Path) -> Workshop:
    wanted = Wanted(checkpoint=None, size="demo", resize=None, calibration=None, calibration_images=4)
    return prepare(wanted, tmp_path).workshop


@pytest.mark.export
def test_the_demo_computes_more_than_convolutions_and_linears(demo: Workshop) -> None:
    file, _ = ours.fp32_onnx(demo, demo.folder)
    assert 0 < onnxruntime_share(demo, file) < 100  # seen: 45
