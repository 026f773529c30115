"""What part of one image's time ONNX Runtime spends outside convolutions and linears, in percent, by its profiler.

There is no such figure for ExecuTorch: its package is built without event tracing, and convolutions and linears
exported without the rest take longer than the network, for their many inputs and outputs (measured on the demo).
"""

import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.speed.contender import Workshop

__all__ = ["onnxruntime_share", "share_of_events"]

LAYER_OPERATORS = frozenset(
    {"Conv", "FusedConv", "NhwcFusedConv", "QLinearConv", "Gemm", "FusedGemm", "QGemm"}
    | {"DynamicQuantizeMatMul", "MatMulInteger", "MatMulIntegerToFloat"}
)
"""As ONNX Runtime calls convolutions and linears, fused or not. A MatMul is a product of the attention."""
WARM_UP, RUNS = 5, 60


def onnxruntime_share(workshop: Workshop, file: Path) -> float:
    """One thread; the time between nodes counts for nothing."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_profiling = True
    image = workshop.images()[:1]
    with tempfile.TemporaryDirectory() as folder:
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        for _ in range(WARM_UP + RUNS):
            session.run(None, {name: image})
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    return share_of_events(events)


def share_of_events(events: list[dict[str, Any]]) -> float:
    """Percent of the nodes' time that is not of `LAYER_OPERATORS`; `events` as ONNX Runtime's profiler has them."""
    microseconds: Counter[str] = Counter()
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            microseconds[event["args"]["op_name"]] += event["dur"]
    inside = sum(taken for operator, taken in microseconds.items() if operator in LAYER_OPERATORS)
    return 100 * (1 - inside / microseconds.total())
