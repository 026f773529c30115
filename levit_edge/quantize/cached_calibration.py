"""A calibrated network as bytes, so that an interrupted run need not calibrate again.

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

from levit_edge.bundle.recipe import LayerScheme
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.loader import BadImage
from levit_edge.documents import from_json, parse_json, to_json
from levit_edge.model.deploy import DeployLeViT
from levit_edge.quantize.calibration.calibrated import Calibrated
from levit_edge.quantize.plan import LayerPlan, Plan, ProductPlan
from levit_edge.quantize.ranges.affine import LayerRanges
from levit_edge.quantize.schemes import quantizable_layers
from levit_edge.quantize.stage_cache import DamagedError

__all__ = ["calibrated_from_bytes", "calibrated_to_bytes"]

WHAT = "calibration"
SCALE = "scale.factors"
DOCUMENT, GOLDEN, DEPLOY = "document", "golden", "deploy."
TENSORS = ("weight_scales", "weight", "bias")
"""The tensors of each layer."""


@dataclass(frozen=True, kw_only=True)
class _Layer:
    scheme: LayerScheme
    ranges: LayerRanges
    seen: LayerRanges


@dataclass(frozen=True, kw_only=True)
class _Document:
    layers: dict[str, _Layer]
    products: dict[str, ProductPlan]
    own_images: bool
    alike: bool
    bad: dict[str, str]
    """Calibration images that cannot be read: number -> why."""


def calibrated_to_bytes(calibrated: Calibrated) -> bytes:
    """A calibrated network without its images, which are named by their place among them."""
    plan = calibrated.plan
    numbers = {path: number for number, path in enumerate(calibrated.images.images)}
    document = _Document(
        layers={
            name: _Layer(scheme=layer.scheme, ranges=layer.ranges, seen=layer.seen)
            for name, layer in plan.layers.items()
        },
        products=plan.products,
        own_images=plan.own_images,
        alike=calibrated.alike,
        bad={str(numbers[each.path]): each.reason for each in calibrated.bad},
    )
    tensors = {f"{DEPLOY}{name}": value for name, value in plan.deploy.state_dict().items()}
    for name, layer in plan.layers.items():
        tensors |= {f"{name}.{each}": getattr(layer, each) for each in TENSORS}
    tensors[GOLDEN] = torch.from_numpy(calibrated.golden)
    tensors[DOCUMENT] = torch.frombuffer(bytearray(json.dumps(to_json(document)).encode()), dtype=torch.uint8)
    # Apart: safetensors refuses tensors that share memory, as biases do.
    return safetensors.torch.save({name: value.detach().clone().contiguous() for name, value in tensors.items()})


def calibrated_from_bytes(content: bytes, deploy: DeployLeViT, images: ImageSet) -> Calibrated:
    """What `calibrated_to_bytes` was given, of the same `deploy` and `images`.

    Raises:
        DamagedError: it is not one, or of another network or other images.
    """
    try:
        tensors = safetensors.torch.load(content)
        text = tensors.pop(DOCUMENT).numpy().tobytes()
        document = from_json(_Document, parse_json(text, DamagedError, WHAT), DamagedError, WHAT)
        bad = tuple(BadImage(images.images[int(number)], why) for number, why in document.bad.items())
        state = {name.removeprefix(DEPLOY): each for name, each in tensors.items() if name.startswith(DEPLOY)}
        equalized = _restored(deploy, state)
        layers = dict(_layers(document, tensors, equalized))
        plan = Plan(deploy=equalized, layers=layers, products=document.products, own_images=document.own_images)
        golden = tensors[GOLDEN].numpy()
    except (SafetensorError, KeyError, IndexError, ValueError, RuntimeError, TypeError) as error:
        raise DamagedError(f"{WHAT}: {error}.") from error
    size = deploy.config.image_size
    if golden.dtype != np.float32 or golden.shape[1:] != (3, size, size) or not len(golden):
        raise DamagedError(f"{WHAT}: golden images of shape {golden.shape}.")
    return Calibrated(plan=plan, images=images, bad=bad, golden=golden, alike=document.alike)


def _restored(deploy: DeployLeViT, state: dict[str, Tensor]) -> DeployLeViT:
    """A copy of `deploy` with the weights in `state`, and the scales that equalization adds to the stem."""
    restored = deepcopy(deploy)
    with torch.no_grad():
        for name in [name for name in state if name.startswith("stem.scale")]:
            convolution = name.split(".")[1].replace("scale", "conv")
            restored.stem.scale_input(convolution, state[name].flatten())
        if SCALE in state:
            restored.scale_means(state[SCALE].flatten())
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
        yield (
            name,
            LayerPlan(
                scheme=layer.scheme,
                ranges=layer.ranges,
                seen=layer.seen,
                weight_scales=scales,
                weight=weight,
                bias=bias,
            ),
        )
