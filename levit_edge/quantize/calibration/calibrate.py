"""Calibration: one streaming pass of the eager deploy form over the calibration images.

Histograms hang on the inputs and outputs of convolutions, linears and those attention products that become int8.
Running the eager network in batches and handing the ranges to the exported graph as fixed parameters is 25 times faster
than the stock observers inside that graph.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from levit_edge.bundle.recipe import RangeMethod, Recipe
from levit_edge.model.deploy import DeployLeViT
from levit_edge.quantize.calibration.histogram import Histogram
from levit_edge.quantize.calibration.observe import observe
from levit_edge.quantize.ranges.affine import LayerRanges, Range
from levit_edge.quantize.ranges.choose import choose_range
from levit_edge.quantize.ranges.margin import Margins
from levit_edge.quantize.schemes import quantizable_layers

HARDSWISH_ZERO = -3.0
"""Hardswish is exactly 0 from here down (Howard et al., "Searching for MobileNetV3", ICCV 2019, section 5.2)."""

__all__ = ["Calibration", "calibrate"]


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What one pass over images found, by the names of layers and products."""

    ranges: dict[str, LayerRanges]
    """Those that int8 is to represent, by the recipe."""
    seen: dict[str, LayerRanges]
    """From the least to the largest value that there was."""


def input_site(layer: str) -> str:
    """The name under which a layer's input is observed: q, k and v read one tensor, observed once."""
    parent, _, leaf = layer.rpartition(".")
    return f"{parent}.q.input" if leaf in {"k", "v"} else f"{layer}.input"


def calibrate(
    deploy: DeployLeViT,
    batches: Iterable[Tensor],
    recipe: Recipe,
    products: Collection[str] = (),
    also: Sequence[RemovableHandle] = (),
) -> Calibration:
    """Ranges of every quantizable layer and of the named `products`, from float32 (batch, 3, size, size) `batches`.

    Memory does not grow with the number of batches. `also` are hooks on `deploy` that watch the same pass for another
    purpose; like all others they are removed after it.

    Raises:
        QuantizationError: there are no batches, or an activation is not finite.
    """
    histograms: dict[str, Histogram] = {}
    layers: dict[str, nn.Module] = {**quantizable_layers(deploy)}
    layers |= {name: deploy.get_submodule(name) for name in products}
    for name in layers:
        for site in (input_site(name), f"{name}.output"):
            histograms.setdefault(site, Histogram(site))
    hooks = [layer.register_forward_hook(partial(_watch, name, histograms)) for name, layer in layers.items()]
    observe(deploy, batches, [*hooks, *also], "calibration")
    seen = {site: histogram.seen for site, histogram in histograms.items()}
    chosen = {site: choose_range(histogram, recipe) for site, histogram in histograms.items()}
    if recipe.range_method is RangeMethod.MINMAX:  # the others leave out ends by their own rules
        margins = Margins(deploy)
        chosen = {site: margins.widened(site, found) for site, found in chosen.items()}
    chosen |= {f"{name}.output": _output_range(name, chosen[f"{name}.output"]) for name in layers}
    return Calibration(ranges=_by_layer(layers, chosen), seen=_by_layer(layers, seen))


def _by_layer(layers: Iterable[str], ranges: dict[str, Range]) -> dict[str, LayerRanges]:
    return {name: LayerRanges(input=ranges[input_site(name)], output=ranges[f"{name}.output"]) for name in layers}


def feeds_hardswish(layer: str) -> bool:
    """Whether a layer's output goes into hardswish and nowhere else."""
    return layer.endswith(".up") or layer in {"stem.conv1", "stem.conv2", "stem.conv3"}


def _output_range(layer: str, seen: Range) -> Range:
    """What of an output int8 has to represent: values that hardswish makes 0 may all become the same one."""
    if not feeds_hardswish(layer):
        return seen
    return Range(minimum=max(seen.minimum, HARDSWISH_ZERO), maximum=seen.maximum)


def _watch(
    name: str, histograms: dict[str, Histogram], _module: nn.Module, inputs: tuple[Tensor], result: Tensor
) -> None:
    if input_site(name) == f"{name}.input":
        histograms[f"{name}.input"].update(inputs[0])
    histograms[f"{name}.output"].update(result)
