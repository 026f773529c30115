"""Weight rounding that makes up for its own error: GPTQ.

Frantar et al., "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers", arXiv 2210.17323.
With the second moments H = Σ x xᵀ of a layer's inputs, the error of the outputs is Σ_rows e H eᵀ for the weight
error e. Columns are rounded in turn, those of the largest moments first; each column's error, divided by the diagonal
of the Cholesky factor of H⁻¹, is taken off the columns that are still to come (equations 2 and 3, section 3.3 step 3).

Images have far more energy in their mean than in their edges, so that rounding each weight on its own leaves a first
convolution with a gain for flat areas that the trained filter has not: this is where it helps LeViT most.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from levit_edge.model.deploy import DeployLeViT
from levit_edge.quantize.ranges.affine import WEIGHT_MAX
from levit_edge.quantize.schemes import Layer, quantizable_layers
from levit_edge.quantize.weights.weights import per_channel

__all__ = ["SecondMoments", "round_with_compensation"]

DAMPING = 0.01
"""Part of the mean of H's diagonal that is added to the diagonal (section 3.3 step 2)."""
BLOCK = 64
"""Columns whose errors are taken off the rest of the matrix together, which is the same and faster (step 2)."""


class SecondMoments:
    """Σ x xᵀ of every layer's inputs, float32 (inputs, inputs), over the images that `deploy` is run on.

    A convolution's x are its patches, of channels × height × width in the order of its weight.
    """

    def __init__(self, deploy: DeployLeViT) -> None:
        self._layers = quantizable_layers(deploy)
        self._moments: dict[str, Tensor] = {}
        self.hooks = [
            layer.register_forward_pre_hook(partial(self._add, name))
            for name, layer in self._layers.items()
            if _observed_at(name) == name
        ]
        """To be removed after the pass."""

    def of(self, name: str) -> Tensor:
        """The moments of the layer `name`."""
        return self._moments[_observed_at(name)]

    def _add(self, name: str, layer: Layer, inputs: tuple[Tensor]) -> None:
        columns = _columns(layer, inputs[0])
        product = columns.T @ columns
        self._moments[name] = self._moments[name].add_(product) if name in self._moments else product


def _observed_at(name: str) -> str:
    """What k reads, v reads too and is not observed again; q of a shrinking attention reads less."""
    return f"{name.removesuffix('.v')}.k" if name.endswith(".v") else name


def _columns(layer: Layer, values: Tensor) -> Tensor:
    """What each output is a product of the weights with: (outputs of one channel, inputs)."""
    if isinstance(layer, nn.Linear):
        return values
    patches = F.unfold(values, layer.kernel_size, stride=layer.stride, padding=layer.padding)  # type: ignore[arg-type]
    return patches.transpose(1, 2).flatten(0, 1)


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep torch to one thread: sharing out steps of some thousand values takes longer than doing them.

    Measured on LeViT-128S, two cores with other work: 2 s instead of 10 to 58, the same weights.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@one_thread()
def round_with_compensation(weight: Tensor, scales: Tensor, moments: Tensor) -> Tensor:
    """`weight` on the int8 grid of `scales`, of the same shape.

    Shapes: `weight` (outputs, …), `scales` (outputs,), `moments` (inputs, inputs) with inputs the product of the rest.
    """
    order = moments.diagonal().argsort(descending=True)
    remaining = weight.detach().flatten(1)[:, order].double()
    inverse = _inverse_factor(moments[order][:, order].double())
    scale = scales.double()
    rounded, errors = torch.empty_like(remaining), torch.empty_like(remaining)
    inputs = remaining.shape[1]
    for start in range(0, inputs, BLOCK):
        end = min(start + BLOCK, inputs)
        for column in range(start, end):
            rounded[:, column] = (remaining[:, column] / scale).round().clamp(-WEIGHT_MAX, WEIGHT_MAX)
            errors[:, column] = (remaining[:, column] - rounded[:, column] * scale) / inverse[column, column]
            remaining[:, column + 1 : end] -= torch.outer(errors[:, column], inverse[column, column + 1 : end])
        remaining[:, end:] -= errors[:, start:end] @ inverse[start:end, end:]
    steps = torch.empty_like(rounded)
    steps[:, order] = rounded
    return steps.float().view_as(weight) * per_channel(scales, weight)


def _inverse_factor(moments: Tensor) -> Tensor:
    """The upper Cholesky factor of the damped moments' inverse, float64."""
    diagonal = moments.diagonal()
    alive = diagonal > 0
    mean = diagonal[alive].mean() if alive.any() else diagonal.new_tensor(1.0)
    damped = moments + torch.diag(torch.where(alive, DAMPING * mean, mean))
    factor: Tensor = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(damped)), upper=True)
    return factor
