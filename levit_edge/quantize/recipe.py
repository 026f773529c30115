"""What to quantize and how, as one document that is saved with the result."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from levit_edge.errors import QuantizationError

__all__ = ["RangeMethod", "Recipe"]

SCHEMA_VERSION = 1


class RangeMethod(StrEnum):
    """How an activation's range is chosen from what calibration saw."""

    MINMAX = "minmax"
    """The smallest and the largest value."""
    PERCENTILE = "percentile"
    """`Recipe.percentile` of the values on each side."""
    MSE = "mse"
    """The clipping that minimises the mean squared quantization error of the values."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a deploy form becomes INT8.

    Always: weights int8, symmetric, one scale per output channel; activations into and out of every convolution and
    linear int8, asymmetric, one scale per tensor; the attention core (bmm, bias, softmax), hardswish and the residual
    stream in float.
    """

    schema_version: int = SCHEMA_VERSION
    calibration_images: int = 256
    """How many images the ranges come from."""
    seed: int = 0
    """Seed of the class-balanced choice of those images."""
    equalize: bool = True
    """Whether channels of the residual streams and of q and k are rescaled first, which is exact in fp32."""
    range_method: RangeMethod = RangeMethod.MINMAX
    percentile: float = 99.99
    """Percent of values kept on each side by `RangeMethod.PERCENTILE`."""
    float_layers: tuple[str, ...] = ()
    """Glob patterns of layer names (`stem.*`, `blocks.3.up`, `head`) that stay in float."""

    def __post_init__(self) -> None:
        if self.schema_version != SCHEMA_VERSION:
            raise QuantizationError(
                f"the recipe has schema version {self.schema_version}, this levit-edge reads version {SCHEMA_VERSION}."
            )
        if self.calibration_images < 1:
            raise QuantizationError(f"calibration_images is {self.calibration_images}, expected at least 1.")
        if not 50 < self.percentile <= 100:
            raise QuantizationError(f"percentile is {self.percentile}, expected more than 50 and at most 100.")

    def require_known_layers(self, layers: Iterable[str]) -> None:
        """Refuse a pattern that would silently do nothing.

        Raises:
            QuantizationError: a pattern of `float_layers` fits none of `layers`.
        """
        names = list(layers)
        for pattern in self.float_layers:
            if not any(fnmatchcase(name, pattern) for name in names):
                raise QuantizationError(
                    f"--float-layer {pattern!r} fits no layer. There are {names[0]}, {names[5]}, … {names[-1]}:"
                    " use a name, or a pattern such as 'stem.*'."
                )

    def keeps_in_float(self, layer: str) -> bool:
        """Whether the convolution or linear called `layer` stays in float."""
        return any(fnmatchcase(layer, pattern) for pattern in self.float_layers)
