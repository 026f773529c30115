"""Profiles of one image in milliseconds, every figure made up: the second file converts much."""

from levit_edge.benchmark.profile import OperatorTime, Profile
from levit_edge.bundle.kinds import Precision, Runtime


def part(operator: str, block: str, ms: float, count: int = 1) -> OperatorTime:
    return OperatorTime(operator=operator, block=block, count=count, ms=ms)


FP32 = Profile(
    artifact="fp32.onnx",
    runtime=Runtime.ONNXRUNTIME,
    precision=Precision.FP32,
    threads=1,
    runs=20,
    run_ms=10.0,
    slowdown=0.25,
    cost_us=2.0,
    overhead=0.0,
    parts=(
        part("Conv", "stem", 4.0, 4),
        part("Gemm", "stage 1 MLP", 4.0, 2),
        part("HardSigmoid", "stage 1 MLP", 1.0),
        part("Reshape", "head", 1.0),
    ),
)
INT8 = Profile(
    artifact="int8.onnx",
    runtime=Runtime.ONNXRUNTIME,
    precision=Precision.INT8,
    threads=1,
    runs=20,
    run_ms=10.0,
    slowdown=0.25,
    cost_us=2.0,
    overhead=-0.02,
    parts=(
        part("Conv", "stem", 4.0, 4),
        part("QuantizeLinear", "stage 1 MLP", 2.0, 2),
        part("QGemm", "stage 1 MLP", 1.8, 2),
        part("HardSigmoid", "stage 1 MLP", 1.0),
        part("Reshape", "head", 1.0),
    ),
)
PROGRAM = Profile(
    artifact="int8.pte", runtime=Runtime.EXECUTORCH, precision=Precision.INT8, threads=1, error="It cannot tell."
)
