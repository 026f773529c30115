"""What rounding to int8 does to the logits, channel by channel, and the factors of channels that make it least.

A tensor that is rounded with one scale has the step r / 255, r being the spread of all its channels, and squared errors
of a twelfth of its square (Widrow & Kollár, "Quantization Noise", 2008, section 1.2). With channel c multiplied by f_c
before and divided by it after, to first order the squared error of the logits is

    r(f)² / (12 · 255²) · Σ_c g_c / f_c²,    r(f) = max_c f_c · high_c − min_c f_c · low_c,

where g_c is the sum of the squared derivatives of all logits by all values of the channel. Equal magnitudes make r
small whatever a channel matters; the least of this sum makes room for those that matter.

The derivatives are estimated from those of Σ_k v_k · logit_k, v_k = ±1 at random: the expectation of their squares is
what is wanted (Hutchinson, "A stochastic estimator of the trace of the influence matrix", 1990).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from levit_edge.errors import QuantizationError
from levit_edge.model.deploy import DeployLeViT
from levit_edge.quantize.calibration.observe import observe
from levit_edge.quantize.schemes import Layer

__all__ = ["RoundedTensor", "Site", "least_noise", "observed"]

SOFTNESS = 16
"""p of the norm that stands for the maximum over channels, as other images have theirs in other channels."""
STEPS, RATE = 200, 0.05
"""Of Adam; the rate, in powers of two, falls to zero."""
GRID = 16
"""What is found is rounded to powers of 2^(1/16), so that another order of summation does not make other files."""
MOST = 8.0
"""The largest power of 2 that is added to the factors that one begins with."""
IMAGES = 2
"""How many images of each batch tell the derivatives."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """One tensor that is rounded: what all of some layers read, or what one gives."""

    readers: tuple[Layer, ...] = ()
    writer: Layer | None = None
    by_image: bool = False
    """Whether its range is taken from each image, and not fixed."""


@dataclass(kw_only=True)
class RoundedTensor:
    """What is known of a tensor that is rounded with one scale."""

    low: Tensor
    """(images, channels), not above 0: the least values, of each image or, in one row, of all."""
    high: Tensor
    """The same of the largest, not below 0."""
    sensitivity: Tensor
    """g above, float64 (channels,)."""

    @property
    def magnitudes(self) -> Tensor:
        """The largest absolute value of each channel, on average over the rows: (channels,)."""
        return torch.maximum(self.high, -self.low).mean(0)

    def scaled(self, factors: Tensor) -> "RoundedTensor":
        """The same tensor times positive `factors`, (channels,)."""
        sensitivity = self.sensitivity / factors.double().square()
        return RoundedTensor(low=self.low * factors, high=self.high * factors, sensitivity=sensitivity)


def least_noise(tensors: Sequence[RoundedTensor]) -> Tensor:
    """Factors (channels,) that serve `tensors` of the same channels and as many rows, roughly equalized already.

    Channels that are always zero, or that no logit depends on, get 1.
    """
    matters = torch.stack([(each.sensitivity > 0) & (each.magnitudes > 0) for each in tensors]).any(0)
    if not matters.any():
        return torch.ones(len(matters))
    low, high = (torch.stack(ends).double() for ends in zip(*((each.low, each.high) for each in tensors), strict=True))
    sensitivity = torch.stack([each.sensitivity for each in tensors])
    powers = torch.zeros(len(matters), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([powers], lr=RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, STEPS)
    with torch.enable_grad():
        for _ in range(STEPS):
            noise = _noise(low, high, sensitivity, (powers * matters).exp2())
            (powers.grad,) = torch.autograd.grad(noise.log(), [powers])
            optimizer.step()
            schedule.step()
    found = (powers.detach() * matters).clamp(-MOST, MOST)
    return ((found * GRID).round() / GRID).exp2().float()


def _noise(low: Tensor, high: Tensor, sensitivity: Tensor, factors: Tensor) -> Tensor:
    """The sum above without its constants, over all tensors: a scalar.

    Shapes: low and high (tensors, images, channels), sensitivity (tensors, channels), factors (channels,).
    """
    spread = _soft_maximum(high * factors) + _soft_maximum(-low * factors)
    return (spread.square().mean(1) * (sensitivity / factors.square()).sum(1)).sum()


def _soft_maximum(values: Tensor) -> Tensor:
    """Of the last dimension; values are not below 0."""
    largest = values.detach().amax(-1, keepdim=True).clamp(min=1e-30)
    return largest[..., 0] * (values / largest).pow(SOFTNESS).sum(-1).clamp(min=1e-30).pow(1 / SOFTNESS)


@dataclass
class _Seen:
    """One site while images pass."""

    by_image: bool
    low: list[Tensor] = field(default_factory=list)
    high: list[Tensor] = field(default_factory=list)
    sensitivity: Tensor | float = 0.0

    def add(self, values: Tensor) -> None:
        """Of (images, values, channels)."""
        low, high = values.amin(1).clamp(max=0), values.amax(1).clamp(min=0)
        if self.by_image:
            self.low.append(low)
            self.high.append(high)
        else:
            self.low = [torch.cat([*self.low, low]).amin(0, keepdim=True)]
            self.high = [torch.cat([*self.high, high]).amax(0, keepdim=True)]


def observed(deploy: DeployLeViT, sites: Mapping[str, Site], batches: Iterable[Tensor]) -> dict[str, RoundedTensor]:
    """What float32 (batch, 3, size, size) `batches` give at all `sites`, by their names.

    Raises:
        QuantizationError: there are no batches, or a value is not finite.
    """
    seen = {name: _Seen(by_image=site.by_image) for name, site in sites.items()}
    few: list[Tensor] = []

    def see(name: str, _layer: Layer, arguments: tuple[Tensor], result: Tensor) -> None:
        seen[name].add(_by_image(result if sites[name].writer else arguments[0], len(few[-1])))

    def network(batch: Tensor) -> None:
        few.append(batch)
        deploy(batch)
        with torch.inference_mode(False):
            few[-1] = batch[:IMAGES].clone()

    hooks = [(site.writer or site.readers[0]).register_forward_hook(partial(see, name)) for name, site in sites.items()]
    observe(network, batches, hooks, "equalization")
    for name, each in seen.items():
        _require_finite(name, *each.low, *each.high)
    generator = torch.Generator().manual_seed(0)
    for images in few:
        for name, found in _sensitivities(deploy, sites, images, generator).items():
            seen[name].sensitivity = seen[name].sensitivity + found
    return {name: _whole(name, each) for name, each in seen.items()}


def _by_image(values: Tensor, images: int) -> Tensor:
    """(images, channels, height, width) or (images × tokens, channels) -> (images, values, channels)."""
    return values.flatten(2).transpose(1, 2) if values.ndim == 4 else values.reshape(images, -1, values.shape[1])


def _sensitivities(
    deploy: DeployLeViT, sites: Mapping[str, Site], images: Tensor, generator: torch.Generator
) -> dict[str, Tensor]:
    """Of `images` (batch, 3, size, size)."""
    apart: dict[tuple[str, Layer], Tensor] = {}

    def before(name: str, layer: Layer, arguments: tuple[Tensor]) -> Tensor:
        apart[name, layer] = arguments[0].view_as(arguments[0])  # what others read of it, such as the sum, is not meant
        return apart[name, layer]

    def after(name: str, layer: Layer, _arguments: tuple[Tensor], result: Tensor) -> Tensor:
        apart[name, layer] = result.view_as(result)
        return apart[name, layer]

    hooks = []
    for name, site in sites.items():
        hooks += [layer.register_forward_pre_hook(partial(before, name)) for layer in site.readers]
        hooks += [site.writer.register_forward_hook(partial(after, name))] if site.writer else []
    try:
        logits = deploy(images.requires_grad_())
    finally:
        for hook in hooks:
            hook.remove()
    signs = torch.randint(0, 2, logits.shape, generator=generator) * 2.0 - 1.0
    derivatives = torch.autograd.grad((logits * signs).sum(), list(apart.values()))
    total: dict[str, Tensor] = {}
    for (name, _), derivative in zip(apart, derivatives, strict=True):
        total[name] = total.get(name, 0) + _by_image(derivative, len(images))
    return {name: each.double().square().sum((0, 1)) for name, each in total.items()}


def _whole(name: str, seen: _Seen) -> RoundedTensor:
    sensitivity = torch.as_tensor(seen.sensitivity)
    _require_finite(name, sensitivity)
    return RoundedTensor(low=torch.cat(seen.low), high=torch.cat(seen.high), sensitivity=sensitivity)


def _require_finite(name: str, *values: Tensor) -> None:
    if not all(each.isfinite().all() for each in values):
        raise QuantizationError(f"{name}: an activation is NaN or infinite: the checkpoint or an image is not usable.")
