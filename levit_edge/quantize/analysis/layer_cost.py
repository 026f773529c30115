"""What one layer takes in the runtime: in float, in static int8 and in dynamic int8.

Each layer is exported alone, float in and float out, and run in ExecuTorch on the activations that one image gives it.
A layer alone is not a layer in context. Alone, a static layer quantizes its input and dequantizes its output for
itself, which q, k and v share in the network; a convolution turns its images to channels-last and back, which
neighbours in the network do not; and weights and activations stay in the cache from one run to the next. So a
difference between two schemes of one layer says what choosing between them costs, to a first approximation; the sum
over layers is not the time of the network. Measure that with the exported files.
"""

import time
from collections import OrderedDict
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from levit_edge.bundle.kinds import Runtime
from levit_edge.bundle.recipe import LayerScheme
from levit_edge.model.deploy import DeployLeViT
from levit_edge.quantize.calibration.observe import observe
from levit_edge.quantize.export.executorch import export_executorch
from levit_edge.quantize.export.program import export_program
from levit_edge.quantize.plan import Plan
from levit_edge.quantize.quantizer import quantize_captured
from levit_edge.quantize.schemes import Layer, quantizable_layers
from levit_edge.quantize.schemes.registry import possible_schemes
from levit_edge.runtime.evaluation.evaluator import THREADS
from levit_edge.runtime.runner import Runner, open_runner
from levit_edge.system.progress import Advance

__all__ = ["ROUNDS", "LayerSite", "Timing", "group_alike", "layer_costs", "layer_sites", "run_in_turn"]

ROUNDS = 100
"""Timed runs of each scheme, in turn, so that a machine that slows down slows all of them."""
WARM_UP = 5
K = TypeVar("K")


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Wall time of one layer alone over several runs, the call into the runtime included (about 0.01 ms)."""

    median_ms: float
    minimum_ms: float


@dataclass(frozen=True, kw_only=True)
class LayerSite:
    """What one image puts through a layer."""

    input: Tensor
    """float32, (tokens, channels) of a linear, (1, channels, height, width) of a convolution."""
    multiply_adds: int


def layer_sites(deploy: DeployLeViT, image: Tensor) -> dict[str, LayerSite]:
    """The input and the work of every layer, in execution order, for one float32 (1, 3, size, size) image."""
    sites: dict[str, LayerSite] = {}

    def keep(name: str, layer: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        weight = layer.get_parameter("weight")
        positions = output.numel() // weight.shape[0]
        sites[name] = LayerSite(input=inputs[0].contiguous(), multiply_adds=weight.numel() * positions)

    hooks = [layer.register_forward_hook(partial(keep, name)) for name, layer in quantizable_layers(deploy).items()]
    observe(deploy, [image], hooks, "looking at layers")
    return {name: sites[name] for name in quantizable_layers(deploy)}


def group_alike(layers: Mapping[str, Layer], sites: Mapping[str, LayerSite]) -> list[tuple[str, ...]]:
    """The names of layers that differ in their numbers alone, and so take the same time."""
    groups: dict[tuple[object, ...], list[str]] = {}
    for name, layer in layers.items():
        stride = tuple(map(int, layer.stride)) if isinstance(layer, nn.Conv2d) else ()
        alike = (type(layer), tuple(layer.weight.shape), stride, tuple(sites[name].input.shape))
        groups.setdefault((*alike, *possible_schemes(name, layer)), []).append(name)
    return [tuple(names) for names in groups.values()]


def layer_costs(
    plan: Plan, sites: Mapping[str, LayerSite], *, advance: Advance
) -> dict[str, dict[LayerScheme, Timing]]:
    """Time every layer of `plan` in each scheme that it can have, single-threaded.

    Layers that are alike share one measurement. `advance` hears of the layers done.

    Raises:
        QuantizationError: a layer alone does not lower to one XNNPACK delegate.
    """
    layers = quantizable_layers(plan.deploy)
    costs: dict[str, dict[LayerScheme, Timing]] = {}
    for names in group_alike(layers, sites):
        timings = _time_alone(plan, names[0], sites[names[0]].input)
        costs |= dict.fromkeys(names, timings)
        advance(len(names))
    return {name: costs[name] for name in layers}


def _time_alone(plan: Plan, name: str, inputs: Tensor, rounds: int = ROUNDS) -> dict[LayerScheme, Timing]:
    schemes = possible_schemes(name, quantizable_layers(plan.deploy)[name])
    programs = {scheme: export_alone(plan, name, inputs, scheme) for scheme in schemes}
    runners = {scheme: open_runner(Runtime.EXECUTORCH, program, THREADS) for scheme, program in programs.items()}
    return run_in_turn(runners, inputs.numpy(), rounds)


def export_alone(plan: Plan, name: str, inputs: Tensor, scheme: LayerScheme) -> bytes:
    """A `.pte` of one layer of `plan`, computing as `scheme` says: a float tensor of the shape of `inputs` -> float."""
    planned = replace(plan.layers[name], scheme=scheme)
    example = torch.zeros_like(inputs)
    layer = deepcopy(quantizable_layers(plan.deploy)[name])
    planned.write_weights(layer)
    captured = export_program(nn.Sequential(OrderedDict(layer=layer)), example)
    quantized = quantize_captured(captured.module(), replace(plan, layers={"layer": planned}))
    return export_executorch(export_program(quantized, example))


def run_in_turn(runners: Mapping[K, Runner], inputs: NDArray[np.float32], rounds: int = ROUNDS) -> dict[K, Timing]:
    """Run each of `runners` once, then each once again, …: `rounds` times after warm-up."""
    milliseconds: dict[K, list[float]] = {name: [] for name in runners}
    for turn in range(WARM_UP + rounds):
        for name, runner in runners.items():
            start = time.perf_counter()
            runner.run(inputs)
            elapsed = time.perf_counter() - start
            if turn >= WARM_UP:
                milliseconds[name].append(1e3 * elapsed)
    return {
        name: Timing(median_ms=round(float(np.median(taken)), 4), minimum_ms=round(min(taken), 4))
        for name, taken in milliseconds.items()
    }
