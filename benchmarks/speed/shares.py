"""What part of one image's time is spent outside convolutions and linears, in percent.

ONNX Runtime says what each of its nodes takes. The ExecuTorch package is built without event tracing: there, all
convolutions and linears of the network are exported without the rest, as one file whose layers do not depend on each
other, and what the network takes longer than that file is the share of the rest. Alone, each layer converts what it
reads and gives to and from int8 for itself, which in the network q, k and v share: in int8 the share is a lower bound.
"""

import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.speed import ours
from benchmarks.speed.contender import Workshop
from levit_edge.model.deploy import DeployLeViT
from levit_edge.quantize.export.executorch import export_executorch
from levit_edge.quantize.layer_cost import layer_sites
from levit_edge.quantize.plan import Plan
from levit_edge.quantize.quantizer import quantize_captured
from levit_edge.quantize.recipe import Scheme
from levit_edge.quantize.schemes import quantizable_layers
from levit_edge.runtime.kinds import Precision

__all__ = ["executorch_share", "onnxruntime_share", "share_of_events"]

LAYER_OPERATORS = frozenset(
    {"Conv", "FusedConv", "NhwcFusedConv", "QLinearConv", "Gemm", "FusedGemm", "QGemm"}
    | {"DynamicQuantizeMatMul", "MatMulInteger", "MatMulIntegerToFloat"}
)
"""As ONNX Runtime calls convolutions and linears, fused or not. A MatMul is a product of the attention."""
WARM_UP, RUNS = 5, 60


def onnxruntime_share(workshop: Workshop, file: Path) -> float:
    """By its own profiler, one thread; the time between nodes counts for nothing."""
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


def executorch_share(workshop: Workshop, file: Path, precision: Precision) -> float:
    """By running the network and its layers alone in turn, one thread: the median over the pairs."""
    plan = ours.plan(workshop, Scheme.MIXED)
    image = workshop.example()
    inputs = [site.input for site in layer_sites(plan.deploy, image).values()]
    alone = _runner(_layers_alone(plan, inputs, precision))
    network = _runner(file.read_bytes())
    shares = []
    for turn in range(WARM_UP + RUNS):
        whole, layers = _seconds(network, [image]), _seconds(alone, inputs)
        if turn >= WARM_UP:
            shares.append(1 - layers / whole)
    return 100 * median(shares)


class _LayersAlone(nn.Module):
    """The convolutions and linears of a network, each with an input of its own, by the names that they have there."""

    def __init__(self, deploy: DeployLeViT) -> None:
        super().__init__()
        self.stem, self.blocks, self.head = deploy.stem, deploy.blocks, deploy.head
        self.names = tuple(quantizable_layers(deploy))

    def forward(self, inputs: list[Tensor]) -> list[Tensor]:
        return [self.get_submodule(name)(each) for name, each in zip(self.names, inputs, strict=True)]


def _layers_alone(plan: Plan, inputs: list[Tensor], precision: Precision) -> bytes:
    network: nn.Module = _LayersAlone(deepcopy(plan.deploy))
    example = ([torch.zeros_like(each) for each in inputs],)
    with torch.no_grad():
        if precision is Precision.INT8:
            network = quantize_captured(torch.export.export(network, example, strict=True).module(), plan)
        return export_executorch(torch.export.export(network, example, strict=True))


def _runner(model: bytes) -> Callable[[list[Tensor]], object]:
    from executorch.extension.pybindings import _portable_lib

    _portable_lib._unsafe_reset_threadpool(1)
    module = _portable_lib._load_for_executorch_from_buffer(model)
    return lambda inputs: (model, module.forward(inputs, clone_outputs=False))  # it reads from `model` as it runs


def _seconds(run: Callable[[list[Tensor]], object], inputs: list[Tensor]) -> float:
    start = time.perf_counter()
    run(inputs)
    return time.perf_counter() - start
