"""What to quantize and how, as one document that is saved with the result."""

from dataclasses import dataclass
from enum import StrEnum

from levit_edge.errors import QuantizationError

__all__ = ["LayerScheme", "OnnxAttention", "RangeMethod", "Recipe", "Scheme", "Target", "WeightRounding"]

SCHEMA_VERSION = 3
BEFORE_CHOICES: dict[str, object] = {"scheme": "static", "weight_rounding": "nearest", "equalize": False}
"""What version 1 was, where today's defaults are others."""


class LayerScheme(StrEnum):
    """How one convolution or linear computes."""

    STATIC = "static"
    """int8; the ranges of its input and output are fixed by calibration."""
    DYNAMIC = "dynamic"
    """int8; the range of its input is taken at run time from each token (linears) or image (convolutions), and its
    output is float. ONNX files take one range for all tokens, and compute convolutions in float with the int8 weights'
    values."""
    FLOAT = "float"


class Scheme(StrEnum):
    """Which layers get which `LayerScheme`; see `levit_edge.quantize.schemes`."""

    STATIC = "static"
    """All layers static."""
    DYNAMIC = "dynamic"
    """Linears dynamic, convolutions static."""
    MIXED = "mixed"
    """Stem and head dynamic, all else static. In ONNX files all linears are dynamic: there it is more exact and no
    slower."""


class RangeMethod(StrEnum):
    """How an activation's range is chosen from what calibration saw."""

    MINMAX = "minmax"
    """The smallest and the largest value."""
    PERCENTILE = "percentile"
    """`Recipe.percentile` of the values on each side."""
    MSE = "mse"
    """The clipping that minimises the mean squared quantization error of the values."""
    ENTROPY = "entropy"
    """The clipping whose distribution is closest to that of the values, in Kullback-Leibler divergence."""


class Target(StrEnum):
    """The processors that the int8 ONNX file is for; it computes the same on both, at different speeds."""

    ARM64 = "arm64"
    """Signed activations."""
    X86_64 = "x86-64"
    """Unsigned activations; for processors with VNNI, as without it their sums of products can saturate."""


class OnnxAttention(StrEnum):
    """How both ONNX files spell attention; they compute the same."""

    PLAIN = "plain"
    """Products, bias and softmax as operators of their own, operator set 18: any runtime."""
    FUSED = "fused"
    """The one operator `Attention` of operator set 23: faster, for ONNX Runtime 1.23 and newer; 1.24 unless
    all linears are dynamic and the stem is too, as in the scheme `mixed`."""


class WeightRounding(StrEnum):
    """How weights are rounded to int8."""

    NEAREST = "nearest"
    GPTQ = "gptq"
    """One after the other, each time making up for the error in the weights that follow."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a deploy form becomes INT8.

    Always: weights int8, symmetric, one scale per output channel; static activations int8, asymmetric, one scale per
    tensor; bias and softmax of the attention, hardswish and the residual stream in float.
    """

    schema_version: int = SCHEMA_VERSION
    calibration_images: int = 256
    """How many images the ranges come from."""
    seed: int = 0
    """Seed of the class-balanced choice of those images."""
    scheme: Scheme = Scheme.MIXED
    dynamic_layers: tuple[str, ...] = ()
    """Glob patterns of layer names (`blocks.3.up`, `*.proj`) that are dynamic whatever `scheme` says."""
    float_layers: tuple[str, ...] = ()
    """Glob patterns of layer names (`stem.*`, `head`) that stay in float whatever else is said."""
    int8_attention: tuple[str, ...] = ()
    """Glob patterns of attention blocks (`blocks.0`) whose two products compute in static int8, in `.pte` files."""
    target: Target = Target.ARM64
    onnx_attention: OnnxAttention = OnnxAttention.PLAIN
    equalize: bool = True
    """Whether channels of the residual streams and of q and k are rescaled first, which is exact in fp32."""
    weight_rounding: WeightRounding = WeightRounding.GPTQ
    bias_correction: bool = False
    """Whether each layer's bias makes up for the mean error of its output channels."""
    range_method: RangeMethod = RangeMethod.MINMAX
    percentile: float = 99.99
    """Percent of values kept on each side by `RangeMethod.PERCENTILE`."""

    @classmethod
    def of_today(cls, document: dict[str, object]) -> dict[str, object]:
        """A recipe of version 1 or 2 with the choices that there were not yet, as files were made then."""
        version = document.get("schema_version")
        if version not in (1, 2):
            return document
        return (BEFORE_CHOICES if version == 1 else {}) | document | {"schema_version": SCHEMA_VERSION}

    def __post_init__(self) -> None:
        if self.schema_version != SCHEMA_VERSION:
            raise QuantizationError(
                f"the recipe has schema version {self.schema_version}, this levit-edge reads version {SCHEMA_VERSION}."
            )
        if self.calibration_images < 1:
            raise QuantizationError(f"calibration_images is {self.calibration_images}, expected at least 1.")
        fused = self.onnx_attention is OnnxAttention.FUSED
        if fused and self.scheme is not Scheme.MIXED and self.target is Target.ARM64:
            raise QuantizationError(
                f"fused attention with scheme {self.scheme} and target arm64: ONNX Runtime 1.31 on x86-64 refuses"
                " static signed activations in operator set 23. Use scheme mixed, target x86-64 or plain attention."
            )
        if not 50 < self.percentile <= 100:
            raise QuantizationError(f"percentile is {self.percentile}, expected more than 50 and at most 100.")
