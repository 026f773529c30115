"""What quantizing one layer alone does to the logits.

Every layer is rounded on its own, all others computing in float, and the network is run from the block that the layer
is in; what comes before is computed once.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from levit_edge.bundle.recipe import LayerScheme
from levit_edge.data.loader import Decoder, batches
from levit_edge.model.deploy import DeployLeViT, to_tokens
from levit_edge.quantize.analysis.simulate import simulate
from levit_edge.quantize.plan import Plan
from levit_edge.quantize.schemes import quantizable_layers
from levit_edge.quantize.schemes.registry import COMPUTATIONS, possible_schemes
from levit_edge.runtime.evaluation.comparison import Comparison, Counts
from levit_edge.system.progress import Advance

__all__ = ["FloatLogits", "Kind", "LogitNoise", "Rounded", "int8_schemes", "labelled", "layer_noise", "network_noise"]

K = TypeVar("K")
BATCH = 16
Labelled = tuple[Tensor, Sequence[int] | None]


class Rounded(StrEnum):
    """What of a static layer is rounded, where it is not all of it."""

    WEIGHTS = "weights"
    ACTIVATIONS = "activations"


Kind = Rounded | LayerScheme
Chosen = TypeVar("Chosen", Rounded, LayerScheme, Kind)


def int8_schemes() -> tuple[LayerScheme, ...]:
    """The schemes that round."""
    return tuple(scheme for scheme, computation in COMPUTATIONS.items() if computation.int8_weights)


@dataclass(kw_only=True)
class LogitNoise:
    """The logits of a network with something rounded, against those of the float network."""

    comparison: Comparison = field(default_factory=Comparison)
    reference_counts: Counts = field(default_factory=Counts)
    """The counts of the float network, where there are labels."""
    counts: Counts = field(default_factory=Counts)

    @property
    def relative_noise(self) -> float:
        """Σ (rounded − float)² / Σ float² over all logits; adds up over layers as long as it is small."""
        signal = self.comparison.signal.value
        return self.comparison.noise.value / signal if signal else 0.0

    def add(self, expected: Tensor, found: Tensor, labels: Sequence[int] | None) -> None:
        """Count the images of one batch, both (batch, classes)."""
        for index, (reference, logits) in enumerate(zip(expected.numpy(), found.numpy(), strict=True)):
            self.comparison.add(np.asarray(reference), np.asarray(logits))
            if labels is not None:
                right = self.reference_counts.add(reference, labels[index])
                self.comparison.add_outcome(right, self.counts.add(logits, labels[index]))


class FloatLogits:
    """The logits of a float network on batches that are passed over several times, computed once.

    They are kept, 4 bytes for each class of each image; every pass has to bring the same batches in the same order.
    """

    def __init__(self, network: DeployLeViT) -> None:
        self._network = network
        self._kept: list[Tensor] = []

    def of(self, number: int, images: Tensor) -> Tensor:
        """The (batch, classes) logits of batch `number`, which are these `images`."""
        if number == len(self._kept):
            self._kept.append(self._network(images))
        return self._kept[number]


def labelled(decoder: Decoder, labels: Sequence[int] | None) -> Iterator[Labelled]:
    """One pass over the images: float32 (at most 16, 3, size, size) and their labels, if there are any."""
    for indices, images in batches(decoder, BATCH):
        yield torch.from_numpy(images), None if labels is None else [labels[index] for index in indices]


def network_noise(
    reference: FloatLogits,
    networks: Mapping[K, DeployLeViT],
    pairs: Iterable[Labelled],
    advance: Advance = lambda _count: None,
) -> dict[K, LogitNoise]:
    """Measure whole `networks` against the `reference`, all in one pass over `pairs` as for `layer_noise`."""
    noises = {key: LogitNoise() for key in networks}
    with torch.inference_mode():
        for number, (images, labels) in enumerate(pairs):
            expected = reference.of(number, images)
            for key, network in networks.items():
                noises[key].add(expected, network(images), labels)
            advance(len(images))
    return noises


def layer_noise(
    plan: Plan,
    pairs: Iterable[Labelled],
    kinds: Sequence[Chosen],
    advance: Advance = lambda _count: None,
) -> dict[tuple[str, Chosen], LogitNoise]:
    """Measure every layer of `plan` on `pairs` of float32 (batch, 3, size, size) images and their labels.

    Schemes that a layer cannot have are left out. Memory does not grow with the number of batches. `advance`
    hears of the images done.
    """
    layers = quantizable_layers(plan.deploy)
    measured = {
        (name, kind): LogitNoise()
        for name, layer in layers.items()
        for kind in kinds
        if isinstance(kind, Rounded) or kind in possible_schemes(name, layer)
    }
    with torch.inference_mode():
        for images, labels in pairs:
            streams, expected = _streams(plan.deploy, images)
            for (name, kind), noise in measured.items():
                found = _run_from(_rounding_one(plan, name, kind), name, images, streams)
                noise.add(expected, found, labels)
            advance(len(images))
    return measured


def _streams(deploy: DeployLeViT, images: Tensor) -> tuple[list[Tensor], Tensor]:
    """The residual stream before each block and after the last, and the logits."""
    streams = [to_tokens(deploy.stem(images))]
    for index in range(len(deploy.blocks)):
        streams.append(deploy.run_block(index, streams[-1]))
    return streams, deploy.classify(streams[-1])


def _rounding_one(plan: Plan, name: str, kind: Kind) -> DeployLeViT:
    scheme = LayerScheme.STATIC if isinstance(kind, Rounded) else kind
    return simulate(
        plan.with_schemes({name: scheme}),
        weights=() if kind is Rounded.ACTIVATIONS else (name,),
        activations=() if kind is Rounded.WEIGHTS else (name,),
    )


def _run_from(deploy: DeployLeViT, layer: str, images: Tensor, streams: list[Tensor]) -> Tensor:
    part, _, rest = layer.partition(".")
    if part == "stem":
        logits: Tensor = deploy(images)
        return logits
    first = int(rest.partition(".")[0]) if part == "blocks" else len(deploy.blocks)
    tokens = streams[first]
    for index in range(first, len(deploy.blocks)):
        tokens = deploy.run_block(index, tokens)
    return deploy.classify(tokens)
