"""What keeping an accuracy budget costs in time, measured in the runtime."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.manifest import LatencyPrice
from levit_edge.quantize.analysis.layer_cost import ROUNDS, run_in_turn
from levit_edge.quantize.artifacts import Exported
from levit_edge.quantize.export.executorch import export_executorch
from levit_edge.quantize.export.program import export_program
from levit_edge.quantize.plan import Plan
from levit_edge.quantize.quantizer import quantize_graph
from levit_edge.runtime.evaluation.evaluator import THREADS
from levit_edge.runtime.runner import open_runner

__all__ = ["latency_price"]


def latency_price(planned: Plan, exported: Sequence[Exported], image: NDArray[np.float32]) -> LatencyPrice:
    """Time the plan before the search against the `exported` files, on one (1, 3, size, size) `image` in ExecuTorch."""
    models = {each.precision: each.model for each in exported if each.runtime is Runtime.EXECUTORCH}
    before = export_executorch(export_program(quantize_graph(planned), torch.zeros(image.shape)))
    timed = {"recipe": before, "chosen": models[Precision.INT8], "fp32": models[Precision.FP32]}
    runners = {name: open_runner(Runtime.EXECUTORCH, model, THREADS) for name, model in timed.items()}
    timings = run_in_turn(runners, image, ROUNDS)
    return LatencyPrice(
        recipe_ms=timings["recipe"].median_ms,
        chosen_ms=timings["chosen"].median_ms,
        fp32_ms=timings["fp32"].median_ms,
        runs=ROUNDS,
    )
