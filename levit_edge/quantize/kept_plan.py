"""The plan of a calibrated network as bytes, so that an interrupted run need not calibrate again.

safetensors, with what is not a tensor as a JSON document in one of them: reading it runs no code.
"""

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from levit_edge.bundle.recipe import LayerScheme, Recipe
from levit_edge.data.loader import BadImage
from levit_edge.documents import from_json, parse_json, to_json
from levit_edge.model.deploy import DeployLeViT
from levit_edge.quantize.calibration.calibration_images import CalibrationImages
from levit_edge.quantize.kept import DamagedError, Kept
from levit_edge.quantize.plan import LayerPlan, Plan, ProductPlan, make_plan
from levit_edge.quantize.ranges.affine import LayerRanges
from levit_edge.quantize.schemes import quantizable_layers
from levit_edge.system.progress import Stages

__all__ = ["plan_from_bytes", "plan_to_bytes", "recalled_plan"]

WHAT = "calibration"
DOCUMENT, GOLDEN, DEPLOY = "document", "golden", "deploy."
TENSORS = ("weight_scales", "weight", "bias")
"""Of each layer."""


@dataclass(frozen=True, kw_only=True)
class _Layer:
    scheme: LayerScheme
    ranges: LayerRanges


@dataclass(frozen=True, kw_only=True)
class _Document:
    layers: dict[str, _Layer]
    products: dict[str, ProductPlan]
    alike: bool
    bad: dict[str, str]
    """Calibration images that cannot be read: number -> why."""


def recalled_plan(kept: Kept, deploy: DeployLeViT, images: CalibrationImages, recipe: Recipe, stages: Stages) -> Plan:
    """What `make_plan` gives, from an interrupted run if there is one; `images` are then as if they had been seen."""
    plan = kept.recall(WHAT, "", lambda content: plan_from_bytes(content, deploy, images))
    if plan is None:
        plan = make_plan(deploy, images, recipe, stages)
        kept.keep(WHAT, "", plan_to_bytes(plan, images))
    return plan


def plan_to_bytes(plan: Plan, images: CalibrationImages) -> bytes:
    """`plan`, and what was seen of the calibration `images`."""
    numbers = {path: number for number, path in enumerate(images.images.images)}
    document = _Document(
        layers={name: _Layer(scheme=layer.scheme, ranges=layer.ranges) for name, layer in plan.layers.items()},
        products=plan.products,
        alike=images.alike,
        bad={str(numbers[each.path]): each.reason for each in images.bad},
    )
    tensors = {f"{DEPLOY}{name}": value for name, value in plan.deploy.state_dict().items()}
    for name, layer in plan.layers.items():
        tensors |= {f"{name}.{each}": getattr(layer, each) for each in TENSORS}
    tensors[GOLDEN] = torch.from_numpy(images.golden)
    tensors[DOCUMENT] = torch.frombuffer(bytearray(json.dumps(to_json(document)).encode()), dtype=torch.uint8)
    # Apart: safetensors refuses tensors that share memory, as biases do.
    return safetensors.torch.save({name: value.detach().clone().contiguous() for name, value in tensors.items()})


def plan_from_bytes(content: bytes, deploy: DeployLeViT, images: CalibrationImages) -> Plan:
    """The plan that `plan_to_bytes` was given, of the same `deploy`; `images` recall what was seen of them.

    Raises:
        DamagedError: it is not one, or of another network or other images.
    """
    try:
        tensors = safetensors.torch.load(content)
        text = tensors.pop(DOCUMENT).numpy().tobytes()
        document = from_json(_Document, parse_json(text, DamagedError, WHAT), DamagedError, WHAT)
        bad = [BadImage(images.images.images[int(number)], why) for number, why in document.bad.items()]
        equalized = _restored(deploy, dict(_below(DEPLOY, tensors)))
        plan = Plan(deploy=equalized, layers=dict(_layers(document, tensors, equalized)), products=document.products)
        golden = tensors[GOLDEN].numpy()
    except (SafetensorError, KeyError, IndexError, ValueError, RuntimeError, TypeError) as error:
        raise DamagedError(f"{WHAT}: {error}.") from error
    size = deploy.config.image_size
    if golden.dtype != np.float32 or golden.shape[1:] != (3, size, size) or not len(golden):
        raise DamagedError(f"{WHAT}: golden images of shape {golden.shape}.")
    images.recall(golden, bad, alike=document.alike)
    return plan


def _below(prefix: str, tensors: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    return ((name.removeprefix(prefix), value) for name, value in tensors.items() if name.startswith(prefix))


def _restored(deploy: DeployLeViT, state: dict[str, Tensor]) -> DeployLeViT:
    """A copy of `deploy` with the weights in `state`, and the scales that equalization adds to the stem."""
    restored = deepcopy(deploy)
    with torch.no_grad():
        for name in [name for name in state if name.startswith("stem.scale")]:
            convolution = name.split(".")[1].replace("scale", "conv")
            restored.stem.scale_input(convolution, state[name].flatten())
    restored.load_state_dict(state)
    return restored


def _layers(document: _Document, tensors: dict[str, Tensor], deploy: DeployLeViT) -> Iterator[tuple[str, LayerPlan]]:
    modules = quantizable_layers(deploy)
    if list(modules) != list(document.layers):
        raise DamagedError(f"{WHAT}: other layers.")
    for name, layer in document.layers.items():
        scales, weight, bias = (tensors[f"{name}.{each}"] for each in TENSORS)
        outputs = modules[name].get_parameter("bias").shape
        expected = (modules[name].weight.shape, outputs, outputs)
        kinds = {each.dtype for each in (weight, scales, bias)}
        if (weight.shape, scales.shape, bias.shape) != expected or kinds != {torch.float32}:
            raise DamagedError(f"{WHAT}: {name} has other shapes.")
        yield name, LayerPlan(scheme=layer.scheme, ranges=layer.ranges, weight_scales=scales, weight=weight, bias=bias)
