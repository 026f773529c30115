"""What to quantize and how, as one document that is saved with the result."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args, get_type_hints

from levit_edge.documents import Version, from_json, read_json, read_toml
from levit_edge.errors import LevitEdgeError, QuantizationError

__all__ = [
    "ENOUGH_IMAGES",
    "EVERY_LAYER",
    "FieldOption",
    "LayerScheme",
    "OnnxAttention",
    "Option",
    "RangeMethod",
    "Recipe",
    "Scheme",
    "Target",
    "WeightRounding",
    "option_words",
    "read_recipe",
    "recipe_options",
]

SCHEMA_VERSION = 6
EVERY_LAYER = "*"
"""The pattern of them all."""
ENOUGH_IMAGES = 32
"""Of the model's own kind, for fixed ranges: measured within 1 dB of 256; 8 are 15 dB worse (docs/accuracy.md)."""
BEFORE_AUTO: dict[str, object] = {"scheme": "mixed"}
BEFORE_FLOAT16 = BEFORE_AUTO | {"float16": False, "onnx_float16": False}
BEFORE_CHOICES = BEFORE_FLOAT16 | {"scheme": "static", "weight_rounding": "nearest", "equalize": False}
FORMER: dict[int, dict[str, object]] = {
    1: BEFORE_CHOICES,
    2: BEFORE_FLOAT16,
    3: BEFORE_FLOAT16,
    4: BEFORE_AUTO,
    5: BEFORE_AUTO,
}
"""What earlier versions were where they say nothing and today's defaults are others.

Of version 4 not all can be said so: its `int8.onnx` had the stem's second to fourth convolutions in float16, as
convolutions, which no recipe makes today. With `Target.ANY`, as it is read, the same network has them in float32.
"""
LAST_FOR_ARM64 = 4
"""The last version whose default target was `Target.ARM64`."""


class LayerScheme(StrEnum):
    """How one convolution or linear computes."""

    STATIC = "static"
    """int8; the ranges of its input and output are fixed by calibration."""
    DYNAMIC = "dynamic"
    """int8; the range of its input is taken at run time from each token (linears) or image (convolutions), and its
    output is float. ONNX files take one range for all tokens, and compute convolutions in float: see
    `Recipe.onnx_float16`."""
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
    AUTO = "auto"
    """Mixed; where the calibration images are few or not the model's own, with everything dynamic that can be: see
    `Recipe.resolved`."""


class RangeMethod(StrEnum):
    """How an activation's range is chosen from what calibration saw."""

    MINMAX = "minmax"
    """The smallest and the largest value, with a margin: see `levit_edge.quantize.ranges.margin`."""
    PERCENTILE = "percentile"
    """`Recipe.percentile` of the values on each side."""
    MSE = "mse"
    """The clipping that minimises the mean squared quantization error of the values."""
    ENTROPY = "entropy"
    """The clipping whose distribution is closest to that of the values, in Kullback-Leibler divergence."""


class Target(StrEnum):
    """The processors that the int8 ONNX file is for; others run it too, slower."""

    ANY = "any"
    """Dynamic convolutions in float32, which on x86-64 gives the same bits in onnxruntime 1.15 to 1.32 with the default
    scheme and plain attention; static activations are signed."""
    ARM64 = "arm64"
    """The same with dynamic convolutions in forms that are fast there: see `Recipe.onnx_float16`."""
    X86_64 = "x86-64"
    """Unsigned activations; for processors with VNNI, as without it their sums of products can saturate."""


class OnnxAttention(StrEnum):
    """How both ONNX files spell attention; they compute the same."""

    PLAIN = "plain"
    """Products, bias and softmax as operators of their own, operator set 18."""
    FUSED = "fused"
    """The one operator `Attention` of operator set 23: faster, for fewer runtimes: see `levit_edge.device.oldest`."""


class WeightRounding(StrEnum):
    """How weights are rounded to int8."""

    NEAREST = "nearest"
    GPTQ = "gptq"
    """One after the other, each time making up for the error in the weights that follow."""


@dataclass(frozen=True)
class Option:
    """How the command line has a field of the recipe; choices and switches follow from the field's type."""

    help: str
    name: str | None = None
    """Where it is not the field's."""
    metavar: str | None = None
    least: int | None = None


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a deploy form becomes INT8.

    Always: weights int8, symmetric, one scale per output channel; static activations int8, asymmetric, one scale per
    tensor; bias and softmax of the attention, hardswish and the residual stream in float.
    """

    schema_version: Annotated[int, Version(SCHEMA_VERSION)] = SCHEMA_VERSION
    calibration_images: Annotated[int, Option("How many images to calibrate on.", metavar="N", least=1)] = 256
    """How many images the ranges come from."""
    seed: Annotated[int, Option("Seed of the choice of calibration images.", metavar="N")] = 0
    """Seed of the class-balanced choice of those images."""
    scheme: Annotated[
        Scheme,
        Option(
            "Which layers take the range of their input at run time and not from calibration. static: none;"
            " dynamic: all linears; mixed: stem and head; auto: mixed, and without --calibration, or with"
            " fewer than 32 images, also `--dynamic-layer '*'`."
        ),
    ] = Scheme.AUTO
    dynamic_layers: Annotated[
        tuple[str, ...],
        Option("Make matching layers dynamic, such as `*.proj`; may be repeated.", "--dynamic-layer", "PATTERN"),
    ] = ()
    """Glob patterns of layer names (`blocks.3.up`, `*.proj`) that are dynamic whatever `scheme` says."""
    float_layers: Annotated[
        tuple[str, ...],
        Option("Keep matching layers in float, such as `stem.*`; may be repeated.", "--float-layer", "PATTERN"),
    ] = ()
    """Glob patterns of layer names (`stem.*`, `head`) that stay in float whatever else is said."""
    int8_attention: Annotated[
        tuple[str, ...],
        Option(
            "Compute the products of matching attention blocks in int8 in the .pte file, such as `blocks.0`:"
            " faster, less accurate; may be repeated.",
            metavar="PATTERN",
        ),
    ] = ()
    """Glob patterns of attention blocks (`blocks.0`) whose two products compute in static int8, in `.pte` files."""
    target: Annotated[
        Target,
        Option(
            "The processors that int8.onnx is for. arm64: a fifth fewer instructions on ARM with float16, 12 % slower"
            " on x86-64, and versions of onnxruntime round differently there; x86-64: differs with `--scheme static`"
            " and `dynamic` alone."
        ),
    ] = Target.ANY
    onnx_attention: Annotated[
        OnnxAttention,
        Option(
            "Attention in both ONNX files: `plain`, read by onnxruntime 1.15 to 1.32, or `fused`, by 1.23 to 1.32"
            " (with static layers 1.24): what was tried."
        ),
    ] = OnnxAttention.PLAIN
    float16: Annotated[
        bool,
        Option(
            "Also make int8-f16.pte, with float16 between the int8 layers: a fifth fewer instructions on ARM that has"
            " it, slower on x86-64."
        ),
    ] = True
    """Whether there is a second int8 file for ExecuTorch, that computes in float16 what the other does in float32."""
    onnx_float16: Annotated[
        bool,
        Option(
            "With `--target arm64`, compute the stem of int8.onnx in float16, where it has a range taken at run time:"
            " fewer instructions on ARM that has float16, as many on ARM without."
        ),
    ] = True
    """Whether the stem's dynamic convolutions, which ONNX files compute in float, are in float16 for `Target.ARM64`."""
    equalize: Annotated[
        bool, Option("Rescale residual streams, q/k pairs and the stem first, which is exact in fp32.")
    ] = True
    """Whether channels of the residual streams and of q and k are rescaled first, which is exact in fp32."""
    weight_rounding: Annotated[WeightRounding, Option("How weights are rounded to int8.")] = WeightRounding.GPTQ
    bias_correction: Annotated[bool, Option("Make up for the mean error of each output channel.")] = False
    """Whether each layer's bias makes up for the mean error of its output channels."""
    range_method: Annotated[RangeMethod, Option("How activation ranges are chosen.")] = RangeMethod.MINMAX
    percentile: Annotated[
        float,
        Option("Percent of values that `--range-method percentile` keeps on each side.", metavar="PERCENT"),
    ] = 99.99
    """Percent of values kept on each side by `RangeMethod.PERCENTILE`."""

    @classmethod
    def of_today(cls, document: dict[str, object]) -> dict[str, object]:
        """A recipe of an earlier version with the choices that there were not yet, as files were made then."""
        version = document.get("schema_version")
        if not isinstance(version, int) or version not in FORMER:
            return document
        today = FORMER[version] | document | {"schema_version": SCHEMA_VERSION}
        if version <= LAST_FOR_ARM64 and today.get("target") == Target.ARM64:  # then of files for any processor
            today["target"] = Target.ANY
        return today

    def __post_init__(self) -> None:
        if self.calibration_images < 1:
            raise QuantizationError(f"calibration_images is {self.calibration_images}, expected at least 1.")
        fused = self.onnx_attention is OnnxAttention.FUSED
        if fused and self.scheme not in {Scheme.AUTO, Scheme.MIXED} and self.target is not Target.X86_64:
            raise QuantizationError(
                f"fused attention with scheme {self.scheme} and target {self.target}: ONNX Runtime 1.32 on x86-64"
                " refuses static signed activations in operator set 23. Use scheme mixed, target x86-64 or plain"
                " attention."
            )
        if not 50 < self.percentile <= 100:
            raise QuantizationError(f"percentile is {self.percentile}, expected more than 50 and at most 100.")

    def resolved(self, *, own_images: bool) -> "Recipe":
        """The recipe without `Scheme.AUTO`, by whether the calibration images are of the model's kind.

        Ranges of other images fit badly deep in the network, where features are those of the model's classes: its last
        stage gave up to twenty times what photographs of clothing had shown. So do ranges of a few images. Those taken
        at run time fit any image.
        """
        if self.scheme is not Scheme.AUTO:
            return self
        ranges_fit = own_images and self.calibration_images >= ENOUGH_IMAGES
        layers = self.dynamic_layers if ranges_fit else (EVERY_LAYER, *self.dynamic_layers)
        return replace(self, scheme=Scheme.MIXED, dynamic_layers=layers)

    @property
    def all_dynamic(self) -> bool:
        """Whether every layer that can takes its range at run time, so that it matters little what calibrated."""
        return EVERY_LAYER in self.dynamic_layers

    @property
    def stem_in_float16(self) -> bool:
        """Whether the ONNX file's dynamic convolutions are in float16."""
        return self.onnx_float16 and self.target is Target.ARM64


class FieldOption(NamedTuple):
    """A field of the recipe and its option."""

    field: str
    kind: Any
    """The field's type."""
    option: Option

    @property
    def flag(self) -> str:
        """`--name`."""
        return self.option.name or f"--{self.field.replace('_', '-')}"

    @property
    def negative(self) -> str:
        """`--no-name`, of a switch."""
        return f"--no-{self.flag.removeprefix('--')}"


def recipe_options() -> Iterator[FieldOption]:
    """The fields that are options, in their order."""
    for name, kind in get_type_hints(Recipe, include_extras=True).items():
        if options := [each for each in get_args(kind) if isinstance(each, Option)]:
            yield FieldOption(name, get_args(kind)[0], options[0])


def option_words(recipe: Recipe, *, unlike: Recipe | None = None) -> Iterator[tuple[str, ...]]:
    """The command line's options that make `recipe`, each with its value; only where it differs from `unlike`."""
    for each in recipe_options():
        value = getattr(recipe, each.field)
        if unlike is not None and value == getattr(unlike, each.field):
            continue
        if isinstance(value, bool):
            yield (each.flag if value else each.negative,)
        else:
            yield from ((each.flag, str(part)) for part in (value if isinstance(value, tuple) else (value,)))


def read_recipe(path: Path, error: type[LevitEdgeError]) -> Recipe:
    """The recipe in a `.json` file, or in a TOML file of any other name; of a bundle's manifest its recipe.

    Raises:
        LevitEdgeError: of type `error`: the file cannot be read, is too large, or holds no recipe.
    """
    what = "the recipe"
    read = read_json if path.suffix.lower() == ".json" else read_toml
    document = read(path, error, what)
    if isinstance(document, dict) and "recipe" in document:  # no field is called so
        document = document["recipe"]
    return from_json(Recipe, document, error, f"{what} {path}")
