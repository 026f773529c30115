"""Whether everything that a file has in float16 fits there, and what is done about attention's scores that would not.

Interval arithmetic from the image, whose ends are black and white, to the last stream. What a static layer gives is
what its int8 range represents, whatever it is given, so that streams are bounded by construction. Results of dynamic
and float layers follow from their weights and from what they read; as such bounds multiply from layer to layer, these
are also taken to be at most `headroom` times what calibration saw. Equalization has made all of them small: on the
LeViT-128S stand-in no bound is over 1,000, where float16 ends at 65,504 (1,400 if clothing calibrated it).

Attention's scores and the sums on the way to them are bounded by the ends of all channels of queries and keys. Where
that is too much, as with random weights, whose scores grow from block to block, the file computes them divided
(`with_divided_scores`), up to `MOST_DIVISOR`. Nothing else is: a stream that does not fit is refused.

What is small must fit as well. On ARM numbers below 2⁻¹⁴, the smallest normal one, become zero (XNNPACK's thread pool
sets the processor's FZ16), among them the scales of its conversions between float16 and int8. Seen on an emulated
Cortex-A76, the demo's last stream made smaller and smaller: a least scale of 1.5e-4 costs nothing, one of 5.0e-5 six
dB, one of 2.5e-5 nineteen. x86-64 computes all of these rightly, so that running the file there does not tell.
"""

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from levit_edge.bundle.recipe import LayerScheme
from levit_edge.data.preprocess import Preprocessing
from levit_edge.errors import QuantizationError
from levit_edge.model.deploy import ChannelScale, DeployAttention, DeployMlp, DeployShrinkingAttention
from levit_edge.quantize.calibration.calibrate import feeds_hardswish
from levit_edge.quantize.export.onnx_phases import PHASES
from levit_edge.quantize.float16_scores import ScoreLimit, with_divided_scores
from levit_edge.quantize.plan import Plan
from levit_edge.quantize.ranges.affine import INT8_MAX, INT8_MIN, WEIGHT_MAX, Range
from levit_edge.quantize.schemes import quantizable_layers

__all__ = ["LARGEST", "SMALLEST", "Interval", "check_onnx_float16", "fit_float16"]

LARGEST = 2.0**15
"""Half of what float16 holds, so that roundings on the way do not matter."""
SMALLEST = 2.0**-14
"""Of a scale, and so of the step that int8 would have for what is in float16."""
HEADROOM = 8.0
"""How many times more than calibration's images another image may give, where nothing else bounds it."""
FOREIGN_HEADROOM = 32.0
"""The same, where calibration had no images of the model's kind: its own were seen to give 21 times as much
(docs/accuracy.md)."""
MOST_DIVISOR = 2.0**10
"""Of scores: with it, ARM takes one below 1/16 for zero."""
HARDSWISH_LOWEST = -0.375
FIRST, SECOND = "stem.conv1", "stem.conv2"
ONNX_REMEDY = (
    "Keep the stem of int8.onnx in float32, with --no-onnx-float16 or another --target; or equalize, if --no-equalize"
    " was given."
)
REMEDY = "Leave out the file with float16, with --no-float16; or equalize, if --no-equalize was given."


@dataclass(frozen=True, kw_only=True)
class Interval:
    """What each channel can be: low ≤ 0 ≤ high, both (channels,)."""

    low: Tensor
    high: Tensor

    @classmethod
    def of(cls, bounds: Range, channels: int) -> Self:
        """The same for all channels."""
        low, high = min(bounds.minimum, 0.0), max(bounds.maximum, 0.0)
        return cls(low=torch.full((channels,), low), high=torch.full((channels,), high))

    def __add__(self, other: "Interval") -> "Interval":
        return Interval(low=self.low + other.low, high=self.high + other.high)

    @property
    def magnitudes(self) -> Tensor:
        """The largest absolute value of each channel."""
        return torch.maximum(-self.low, self.high)

    def near(self, seen: Range, headroom: float) -> "Interval":
        """Not over `headroom` times what calibration saw."""
        low, high = headroom * min(seen.minimum, 0.0), headroom * max(seen.maximum, 0.0)
        return Interval(low=self.low.clamp(min=low), high=self.high.clamp(max=high))

    def hardswish(self) -> "Interval":
        """After it."""
        return Interval(low=self.low.clamp(min=HARDSWISH_LOWEST), high=self.high)

    def scaled(self, factors: Tensor) -> "Interval":
        """Times positive factors, (channels,)."""
        return Interval(low=self.low * factors, high=self.high * factors)

    def through(self, weight: Tensor, bias: Tensor) -> "Interval":
        """After a linear or convolution of `weight` (outputs, channels, …)."""
        positive, negative = (_summed(part) for part in (weight.clamp(min=0), weight.clamp(max=0)))
        high = positive @ self.high + negative @ self.low + bias
        low = positive @ self.low + negative @ self.high + bias
        return Interval(low=low.clamp(max=0), high=high.clamp(min=0))


def headroom(plan: Plan) -> float:
    """How many times more than that `plan`'s calibration saw another image may give."""
    return HEADROOM if plan.own_images else FOREIGN_HEADROOM


def _summed(weight: Tensor) -> Tensor:
    """(outputs, channels, …) -> (outputs, channels): the sum over a kernel."""
    return weight.reshape(*weight.shape[:2], -1).sum(2)


def fit_float16(plan: Plan, preprocessing: Preprocessing | None = None) -> Plan:
    """What the file of that `plan` with a float16 core is made of, so that nothing leaves float16 there.

    The `plan` itself, or the same with some attentions' scores divided. `preprocessing` says what black and white are
    to the network; without it, pixels are at most `headroom` times what calibration saw.

    Raises:
        QuantizationError: something could leave it; the layer is named.
    """
    with torch.no_grad():
        pixels = _pixels(plan, preprocessing)
        if not (limits := _checked(plan, pixels)):
            return plan
        fitted = with_divided_scores(plan, limits)
        _checked(fitted, pixels)  # as the steps of divided queries are smaller
        return fitted


def _pixels(plan: Plan, preprocessing: Preprocessing | None) -> Interval:
    """Of the image, as it is given to the network."""
    seen = Interval.of(plan.layers[FIRST].seen.input, 3)
    if preprocessing is None:
        return seen.scaled(torch.full((3,), headroom(plan)))
    mean, deviation = torch.tensor(preprocessing.mean), torch.tensor(preprocessing.std)
    black, white = -mean / deviation, (1 - mean) / deviation
    return Interval(low=torch.minimum(seen.low, black), high=torch.maximum(seen.high, white))


def _checked(plan: Plan, pixels: Interval) -> dict[str, ScoreLimit]:
    """Of the attentions whose scores are too large."""
    stream, limits = _stem(plan, pixels), {}
    for index, block in enumerate(plan.deploy.blocks):
        name = f"blocks.{index}"
        if isinstance(block, DeployAttention | DeployShrinkingAttention) and (limit := _limit(plan, name, stream)):
            limits[name] = limit
        stream = _block(plan, name, block, stream)
    _check_head(plan, stream)
    return limits


def _check_head(plan: Plan, means: Interval) -> None:
    """What it reads: in float16 until its factors are multiplied."""
    if isinstance(scale := plan.deploy.scale, ChannelScale):
        _check_factors("head", scale.factors.flatten(), means)
    _require_steps("head", "inputs", plan.layers["head"].represented.input.affine().scale)


def _check_factors(name: str, factors: Tensor, values: Interval) -> Interval:
    """The `values` times `factors`, all of which fit."""
    _require(name, "a factor", factors)
    _require_steps(name, "factors", float(factors.min()))
    scaled = values.scaled(factors)
    _require(name, "what its channels are scaled to", scaled.magnitudes)
    return scaled


def _stem(plan: Plan, values: Interval) -> Interval:
    """Its layers in turn, from the image on; returns the first stage's stream."""
    for name, module in plan.deploy.stem.named_children():
        match module:
            case nn.Conv2d():
                values = _after(plan, f"stem.{name}", values)
            case nn.Hardswish():
                values = values.hardswish()
            case ChannelScale():
                values = _check_factors(f"stem.{name}", module.factors.flatten(), values)
    return values


def check_onnx_float16(plan: Plan, preprocessing: Preprocessing | None = None) -> None:
    """Make sure that nothing leaves float16 in the stem of that `plan`'s `int8.onnx` for ARM.

    There, scaling is part of the weights, so that what they multiply is bounded without it. ONNX Runtime keeps numbers
    below `SMALLEST`, but for those who ask it to take them for zero. `preprocessing` is as for `fit_float16`.

    Raises:
        QuantizationError: something could; the layer is named.
    """
    half = _half_convolutions(plan)
    with torch.no_grad():
        values, factors = _pixels(plan, preprocessing), torch.ones(3)
        for part, module in plan.deploy.stem.named_children():
            name = f"stem.{part}"
            match module:
                case nn.Hardswish():
                    values = values.hardswish()
                case ChannelScale():
                    factors = module.factors.flatten()
                    values = values.scaled(factors)
                case nn.Conv2d():
                    if name != FIRST:
                        values = values.near(plan.layers[name].seen.input, headroom(plan))
                    if name in half:
                        _check_convolution(plan, name, module, values, factors)
                    values = values.through(module.weight, module.get_parameter("bias"))
                    factors = torch.ones(module.out_channels)


def _half_convolutions(plan: Plan) -> set[str]:
    """Of `int8.onnx` for ARM: dynamic ones, and the first only over phases of the image, together with the second."""
    dynamic = {name for name, layer in plan.layers.items() if layer.scheme is LayerScheme.DYNAMIC}
    half = {name for name in dynamic if name.startswith("stem.")}
    in_phases = SECOND in half and plan.deploy.config.image_size % PHASES == 0
    return half if in_phases else half - {FIRST}


def _check_convolution(plan: Plan, name: str, module: nn.Conv2d, scaled: Interval, factors: Tensor) -> None:
    weight, inputs = module.weight * factors.view(1, -1, 1, 1), scaled.scaled(1 / factors).magnitudes
    sums = _summed(weight.abs()) @ inputs + module.get_parameter("bias").abs()
    for what, magnitudes in (("an input", inputs), ("a weight", weight.abs()), ("a sum of its products", sums)):
        _require(name, what, magnitudes, ONNX_REMEDY)
    steps = plan.layers[name].seen.input.affine().scale / factors
    _require_steps(name, "inputs", float(steps.min()), ONNX_REMEDY)
    _require_steps(name, "weights", float(weight.abs().max() / WEIGHT_MAX), ONNX_REMEDY)


def _block(plan: Plan, name: str, block: nn.Module, stream: Interval) -> Interval:
    """The stream after a block."""
    match block:
        case DeployMlp():
            last = f"{name}.down"
            result = _after(plan, last, _after(plan, f"{name}.up", stream).hardswish())
        case DeployAttention() | DeployShrinkingAttention():
            last = f"{name}.proj"
            values = _after(plan, f"{name}.v", stream)
            result = _after(plan, last, values.hardswish())  # between the v of all tokens, as softmax weighs them
            _check_products(plan, name)
    if not isinstance(block, DeployShrinkingAttention):
        result = stream + result
        _require(last, "the residual stream after it", result.magnitudes)
    return result


def _check_products(plan: Plan, block: str) -> None:
    """Of an attention: the steps of those in int8."""
    for name in (f"{block}.scores", f"{block}.context"):
        if product := plan.products.get(name):
            parts = {"left operands": product.left, "right operands": product.right, "results": product.output}
            for what, bounds in parts.items():
                _require_steps(name, what, bounds.affine().scale)


def _limit(plan: Plan, block: str, stream: Interval) -> ScoreLimit | None:
    """What to divide the scores of an attention by; None if float16 holds them, with their bias, as they are."""
    q, k = (_after(plan, f"{block}.{part}", stream).magnitudes for part in "qk")
    bias = plan.deploy.get_buffer(f"{block}.bias").abs()
    _require(block, "a bias of its attention", bias, most=LARGEST / 2)
    if product := plan.products.get(f"{block}.scores"):
        largest = Interval.of(_representable(product.output), 1).magnitudes
    else:
        largest = (q * k).view(len(bias), -1).sum(1)
    largest = largest + bias.amax((1, 2))
    _require(block, "a score of its attention", largest, most=LARGEST * MOST_DIVISOR)
    if (excess := float(largest.max()) / LARGEST) <= 1:
        return None
    return ScoreLimit(divisor=2.0 ** math.ceil(math.log2(excess)), largest=LARGEST - float(bias.max()))


def _after(plan: Plan, name: str, values: Interval) -> Interval:
    """What the layer of that `name` gives for `values`."""
    layer, module = plan.layers[name], quantizable_layers(plan.deploy)[name]
    ranges, int8 = layer.represented, layer.computation.int8_weights
    weight, bias = (layer.weight, layer.bias) if int8 else (module.weight, module.get_parameter("bias"))
    reads_image = name == FIRST
    values = values if reads_image else values.near(layer.seen.input, headroom(plan))  # what pixels can be is known
    if not (reads_image and layer.scheme is LayerScheme.STATIC):  # which rounds the image in float32
        _require_steps(name, "inputs", ranges.input.affine().scale)
    _require_steps(name, "results", ranges.output.affine().scale)
    if layer.computation.fixed_ranges:
        result = Interval.of(_representable(ranges.output), len(bias))
    else:
        result = values.through(weight, bias)
        if not feeds_hardswish(name):  # there its input's bound is enough
            result = result.near(ranges.output, headroom(plan))
    if not int8 or (reads_image and layer.scheme is LayerScheme.DYNAMIC):  # see `export.float16_image`
        _require(name, "an input", values.magnitudes)
        _require(name, "a weight", weight.abs())
        _require_steps(name, "weights", float(weight.abs().max() / WEIGHT_MAX))
        _require(name, "a sum of its products", _summed(weight.abs()) @ values.magnitudes + bias.abs())
    _require(name, "its result", result.magnitudes)
    _require(name, "a bias", bias.abs())  # also of a channel that is always off
    return result


def _representable(bounds: Range) -> Range:
    """All that its int8 parameters represent."""
    affine = bounds.affine()
    low, high = (affine.scale * (end - affine.zero_point) for end in (INT8_MIN, INT8_MAX))
    return Range(minimum=low, maximum=high)


def _require(layer: str, what: str, magnitudes: Tensor, remedy: str = REMEDY, *, most: float | None = None) -> None:
    largest, most = float(magnitudes.max()), most or LARGEST
    if not largest <= most:  # also catches NaN
        raise QuantizationError(
            f"{layer}: {what} can be as large as {largest:,.0f}, expected at most {most:,.0f} for float16. {remedy}"
        )


def _require_steps(layer: str, what: str, step: float, remedy: str = REMEDY) -> None:
    """Zeros alone have a step of 1, or of 0 in weights."""
    if 0 < step < SMALLEST:
        raise QuantizationError(
            f"{layer}: its {what} have steps of {step:.1e}, expected at least {SMALLEST:.1e} for float16. {remedy}"
        )
