"""Exact equalization: rescale channels so that one scale per tensor fits all of them, without changing the function.

A deployed LeViT has no normalisation on its residual stream. Within a stage, multiplying channel c of the stream by
s_c in every layer that writes it, and dividing by s_c in every layer that reads it, changes nothing in exact
arithmetic; the same holds for each pair (q_i, k_i) of an attention. Hardswish is not scale-equivariant, so nothing is
moved across it; in the stem, whose activations are the worst, its output is multiplied by s_c at run time instead, and
the weights of the next convolution divided by it. So are the means that the head reads.

First, per channel, equal magnitude of activation and weights, s_c = sqrt(max |W_:,c| / max |x_c|), the maxima over all
readers of the stream. It is SmoothQuant's balance at α = 0.5 (Xiao et al., arXiv 2211.10438, equation 4), applied to a
whole stage at once as cross-layer equalization does to pairs of layers (Nagel et al., arXiv 1906.04721, section 4.1).
For q and k, whose product alone matters, t_i = sqrt(max |k_i| / max |q_i|). Where ranges are taken image by image, in
the stem and the head, max |x_c| is the mean of the images' own maxima.

Then, from there, what `levit_edge.quantize.channel_noise` predicts to be best for the logits (measured:
docs/accuracy.md).
"""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from levit_edge.errors import QuantizationError
from levit_edge.model.deploy import DeployAttention, DeployLeViT, DeployMlp, DeployShrinkingAttention
from levit_edge.model.fuse import MAX_RELATIVE_ERROR, relative_error
from levit_edge.quantize.channel_noise import RoundedTensor, Site, least_noise, observed
from levit_edge.quantize.schemes import Layer

__all__ = ["Stream", "equalize", "pairs", "rescale_pair", "rescale_stream", "streams"]

LARGEST_FACTOR = 2.0**16
"""Bounds a factor, so that a channel which is almost dead does not leave float32's comfortable range."""


@dataclass
class Stream:
    """The residual stream of one stage: the layers that write it and those that read it."""

    writers: list[Layer] = field(default_factory=list)
    """Output channels are the stream's channels."""
    readings: list[tuple[Layer, ...]] = field(default_factory=list)
    """Input channels are the stream's channels; those together read the same."""

    @property
    def readers(self) -> list[Layer]:
        """All of them."""
        return [layer for together in self.readings for layer in together]


def streams(deploy: DeployLeViT) -> list[Stream]:
    """The three residual streams, in stage order."""
    last = next(module for module in reversed(deploy.stem) if isinstance(module, nn.Conv2d))
    found = [Stream(writers=[last])]
    for block in deploy.blocks:
        match block:
            case DeployShrinkingAttention():
                found[-1].readings.append((block.q, block.k, block.v))
                found.append(Stream(writers=[block.proj]))
            case DeployAttention():
                found[-1].readings.append((block.q, block.k, block.v))
                found[-1].writers.append(block.proj)
            case DeployMlp():
                found[-1].readings.append((block.up,))
                found[-1].writers.append(block.down)
    found[-1].readings.append((deploy.head,))
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
    names = {layer: name for name, layer in equalized.named_modules()}
    seen = observed(equalized, _sites(equalized, names), batches)
    with torch.no_grad():
        for q, k in pairs(equalized):  # before the streams, whose weights q and k are among
            rescale_pair(q, k, _balance(seen[_output(names[k])].magnitudes, seen[_output(names[q])].magnitudes))
        for stream in streams(equalized):
            factors = _stream_factors(stream, names, seen)
            rescale_stream(stream, factors)
            if equalized.head in stream.readers:
                seen["head.input"] = seen["head.input"].scaled(factors)
        equalized.scale_means(_input_factors(equalized.head, seen["head.input"]))
        for name, layer in _after_hardswish(equalized).items():
            equalized.stem.scale_input(name, _input_factors(layer, seen[_input(names[layer])]))
    error = relative_error(deploy, equalized)
    if not error <= MAX_RELATIVE_ERROR:  # also catches NaN
        raise QuantizationError(
            f"equalization changed the fp32 logits by {error:.1e} of the largest, expected at most"
            f" {MAX_RELATIVE_ERROR:.0e}. Turn it off with --no-equalize."
        )
    return equalized


def _stream_factors(stream: Stream, names: Mapping[nn.Module, str], seen: Mapping[str, RoundedTensor]) -> Tensor:
    """For what is read of the stream, but by the head, which has its own, and for what linears write to it."""
    read = [seen[_input(names[together[0]])] for together in stream.readings if names[together[0]] != "head"]
    written = [seen[_output(names[layer])] for layer in stream.writers if isinstance(layer, nn.Linear)]
    activations = torch.stack([each.magnitudes for each in read]).amax(0)
    weights = torch.stack([_input_magnitudes(layer) for layer in stream.readers]).amax(0)
    balance = _balance(weights, activations)
    return balance * least_noise([each.scaled(balance) for each in (*read, *written)])


def _input_factors(layer: Layer, read: RoundedTensor) -> Tensor:
    balance = _balance(_input_magnitudes(layer), read.magnitudes)
    return balance * least_noise([read.scaled(balance)])


def _balance(target: Tensor, found: Tensor) -> Tensor:
    """Factors sqrt(`target` / `found`); 1 where a channel is dead."""
    alive = (target > 0) & (found > 0)
    factors = torch.where(alive, target / found.where(alive, torch.ones_like(found)), torch.ones_like(found)).sqrt()
    return factors.clamp(1 / LARGEST_FACTOR, LARGEST_FACTOR)


def _sites(deploy: DeployLeViT, names: Mapping[nn.Module, str]) -> dict[str, Site]:
    """All that the factors depend on."""
    sites = {_input(names[layer]): Site(readers=(layer,), by_image=True) for layer in _after_hardswish(deploy).values()}
    for stream in streams(deploy):
        for together in stream.readings:
            sites[_input(names[together[0]])] = Site(readers=together, by_image=together == (deploy.head,))
        sites |= {_output(names[layer]): Site(writer=layer) for layer in stream.writers if isinstance(layer, nn.Linear)}
    return sites | {_output(names[layer]): Site(writer=layer) for pair in pairs(deploy) for layer in pair}


def _after_hardswish(deploy: DeployLeViT) -> dict[str, nn.Conv2d]:
    """The stem's layers that read it."""
    convolutions = {name: layer for name, layer in deploy.stem.named_children() if isinstance(layer, nn.Conv2d)}
    return {name: layer for name, layer in convolutions.items() if name != "conv1"}


def _input(layer: str) -> str:
    return f"{layer}.input"


def _output(layer: str) -> str:
    return f"{layer}.output"


def _scale_outputs(layer: Layer, factors: Tensor) -> None:
    layer.weight.mul_(factors.view(-1, *[1] * (layer.weight.ndim - 1)))
    layer.get_parameter("bias").mul_(factors)


def _input_magnitudes(layer: Layer) -> Tensor:
    return layer.weight.abs().transpose(0, 1).flatten(1).amax(1)
