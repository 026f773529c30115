"""Exact equalization: rescale channels so that one scale per tensor fits all of them, without changing the function.

A deployed LeViT has no normalisation on its residual stream. Within a stage, multiplying channel c of the stream by
s_c in every layer that writes it, and dividing by s_c in every layer that reads it, changes nothing in exact
arithmetic; the same holds for each pair (q_i, k_i) of an attention. Hardswish is not scale-equivariant, so nothing is
moved across it; in the stem, whose activations are the worst, its output is multiplied by s_c at run time instead, and
the weights of the next convolution divided by it.

Objective, per channel: equal magnitude of activation and weights, s_c = sqrt(max |W_:,c| / max |x_c|), the maxima over
all readers of the stream. It is SmoothQuant's balance at α = 0.5 (Xiao et al., arXiv 2211.10438, equation 4), applied
to a whole stage at once as cross-layer equalization does to pairs of layers (Nagel et al., arXiv 1906.04721, section
4.1).
For q and k, whose product alone matters, t_i = sqrt(max |k_i| / max |q_i|). In the stem, max |x_c| is the mean of the
images' own maxima, as its ranges are taken image by image.
"""

from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from levit_edge.errors import QuantizationError
from levit_edge.model.deploy import DeployAttention, DeployLeViT, DeployMlp, DeployShrinkingAttention
from levit_edge.model.fuse import MAX_RELATIVE_ERROR, relative_error
from levit_edge.quantize.calibration.observe import observe
from levit_edge.quantize.schemes import Layer

__all__ = ["Stream", "equalize", "pairs", "rescale_pair", "rescale_stream", "streams"]

LARGEST_FACTOR = 2.0**16
"""Bounds a factor, so that a channel which is almost dead does not leave float32's comfortable range."""


@dataclass
class Stream:
    """The residual stream of one stage: the layers that write it and those that read it."""

    writers: list[Layer] = field(default_factory=list)
    """Output channels are the stream's channels."""
    readers: list[Layer] = field(default_factory=list)
    """Input channels are the stream's channels."""


def streams(deploy: DeployLeViT) -> list[Stream]:
    """The three residual streams, in stage order."""
    last = next(module for module in reversed(deploy.stem) if isinstance(module, nn.Conv2d))
    found = [Stream(writers=[last])]
    for block in deploy.blocks:
        match block:
            case DeployShrinkingAttention():
                found[-1].readers += [block.q, block.k, block.v]
                found.append(Stream(writers=[block.proj]))
            case DeployAttention():
                found[-1].readers += [block.q, block.k, block.v]
                found[-1].writers.append(block.proj)
            case DeployMlp():
                found[-1].readers.append(block.up)
                found[-1].writers.append(block.down)
    found[-1].readers.append(deploy.head)
    return found


def pairs(deploy: DeployLeViT) -> Iterator[tuple[Layer, Layer]]:
    """The q and k of every attention."""
    for block in deploy.blocks:
        if isinstance(block, DeployAttention | DeployShrinkingAttention):
            yield block.q, block.k


def rescale_stream(stream: Stream, factors: Tensor) -> None:
    """Multiply channel c of the stream by `factors`[c], in place; the network's function does not change."""
    for layer in stream.writers:
        _scale_outputs(layer, factors)
    for layer in stream.readers:
        layer.weight.div_(factors.view(1, -1, *[1] * (layer.weight.ndim - 2)))


def rescale_pair(q: Layer, k: Layer, factors: Tensor) -> None:
    """Multiply channel i of `q` by `factors`[i] and divide channel i of `k` by it, in place."""
    _scale_outputs(q, factors)
    _scale_outputs(k, 1 / factors)


def equalize(deploy: DeployLeViT, batches: Iterable[Tensor]) -> DeployLeViT:
    """An equalized copy of `deploy`, from float32 (batch, 3, size, size) calibration `batches`.

    Raises:
        QuantizationError: there are no batches, or its logits differ from those of `deploy` by more than
            `MAX_RELATIVE_ERROR`.
    """
    equalized = deepcopy(deploy)
    all_streams, all_pairs = streams(equalized), list(pairs(equalized))
    after_hardswish: dict[str, Layer] = {
        name: layer
        for name, layer in equalized.stem.named_children()
        if isinstance(layer, nn.Conv2d) and name != "conv1"
    }
    inputs, outputs, means = _magnitudes(equalized, all_streams, all_pairs, list(after_hardswish.values()), batches)
    with torch.no_grad():
        for q, k in all_pairs:  # before the streams, whose weights q and k are among
            rescale_pair(q, k, _balance(outputs[k], outputs[q]))
        for stream in all_streams:
            activations = torch.stack([inputs[layer] for layer in stream.readers]).amax(0)
            weights = torch.stack([_input_magnitudes(layer) for layer in stream.readers]).amax(0)
            rescale_stream(stream, _balance(weights, activations))
        for name, layer in after_hardswish.items():
            equalized.stem.scale_input(name, _balance(_input_magnitudes(layer), means[layer]))
    error = relative_error(deploy, equalized)
    if not error <= MAX_RELATIVE_ERROR:  # also catches NaN
        raise QuantizationError(
            f"equalization changed the fp32 logits by {error:.1e} of the largest, expected at most"
            f" {MAX_RELATIVE_ERROR:.0e}. Turn it off with --no-equalize."
        )
    return equalized


def _balance(target: Tensor, found: Tensor) -> Tensor:
    """Factors sqrt(`target` / `found`); 1 where a channel is dead."""
    alive = (target > 0) & (found > 0)
    factors = torch.where(alive, target / found.where(alive, torch.ones_like(found)), torch.ones_like(found)).sqrt()
    return factors.clamp(1 / LARGEST_FACTOR, LARGEST_FACTOR)


def _magnitudes(
    deploy: DeployLeViT,
    all_streams: list[Stream],
    all_pairs: list[tuple[Layer, Layer]],
    stem: list[Layer],
    batches: Iterable[Tensor],
) -> tuple[dict[Layer, Tensor], dict[Layer, Tensor], dict[Layer, Tensor]]:
    """Magnitudes of channels: the largest ones of the streams' readers' inputs and of q's and k's outputs, and the mean
    over the images of each image's largest one, of the `stem` layers' inputs.
    """
    inputs: dict[Layer, Tensor] = {}
    outputs: dict[Layer, Tensor] = {}
    sums: dict[Layer, Tensor] = {}

    def observe_input(layer: Layer, arguments: tuple[Tensor], _result: Tensor) -> None:
        _keep_largest(inputs, layer, arguments[0])

    def observe_output(layer: Layer, _arguments: tuple[Tensor], result: Tensor) -> None:
        _keep_largest(outputs, layer, result)

    def observe_stem(layer: Layer, arguments: tuple[Tensor], _result: Tensor) -> None:
        sums[layer] = sums.get(layer, 0) + arguments[0].abs().amax((2, 3)).sum(0)

    readers = [layer for stream in all_streams for layer in stream.readers]
    hooks = [layer.register_forward_hook(observe_input) for layer in readers]
    hooks += [layer.register_forward_hook(observe_output) for pair in all_pairs for layer in pair]
    hooks += [layer.register_forward_hook(observe_stem) for layer in stem]
    images = observe(deploy, batches, hooks, "equalization")
    means = {layer: total / images for layer, total in sums.items()}
    names = {layer: name for name, layer in deploy.named_modules()}
    for layer, largest in (inputs | outputs | means).items():
        if not largest.isfinite().all():
            raise QuantizationError(
                f"{names[layer]}: an activation is NaN or infinite: the checkpoint or an image is not usable."
            )
    return inputs, outputs, means


def _keep_largest(kept: dict[Layer, Tensor], layer: Layer, values: Tensor) -> None:
    """Channels are the second dimension of images and of two-dimensional tokens alike."""
    largest = values.abs().amax([dimension for dimension in range(values.ndim) if dimension != 1])
    kept[layer] = torch.maximum(kept[layer], largest) if layer in kept else largest


def _scale_outputs(layer: Layer, factors: Tensor) -> None:
    layer.weight.mul_(factors.view(-1, *[1] * (layer.weight.ndim - 1)))
    layer.get_parameter("bias").mul_(factors)


def _input_magnitudes(layer: Layer) -> Tensor:
    return layer.weight.abs().transpose(0, 1).flatten(1).amax(1)
