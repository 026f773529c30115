"""Activation ranges, and the scale and zero point that represent them.

Affine quantization after Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", CVPR 2018, equation 1.
"""

from dataclasses import dataclass

from levit_edge.bundle.manifest import AffineParameters

__all__ = ["INT8_MAX", "INT8_MIN", "WEIGHT_MAX", "LayerRanges", "Range"]

INT8_MIN, INT8_MAX = -128, 127
WEIGHT_MAX = 127
"""Weights use [-127, 127]: symmetric, and what the runtimes' int8 kernels expect."""
SMALLEST_RANGE = 2.0**-30
"""Activations that never leave this are constantly zero, and any scale serves them: they get 1."""


@dataclass(frozen=True, kw_only=True)
class Range:
    """The closed interval of activations that int8 represents."""

    minimum: float
    maximum: float

    def symmetric(self) -> "Range":
        """The smallest range around this one whose zero point is 0."""
        largest = max(-self.minimum, self.maximum)
        if largest <= SMALLEST_RANGE:
            return Range(minimum=float(INT8_MIN), maximum=float(INT8_MAX))
        return Range(minimum=largest * INT8_MIN / INT8_MAX, maximum=largest)

    def affine(self) -> AffineParameters:
        """Asymmetric int8 parameters whose range holds zero exactly (padding is zero)."""
        low, high = min(self.minimum, 0.0), max(self.maximum, 0.0)
        scale = (high - low) / (INT8_MAX - INT8_MIN) if high - low > SMALLEST_RANGE else 1.0
        zero_point = round(INT8_MIN - low / scale)
        return AffineParameters(scale=scale, zero_point=min(max(zero_point, INT8_MIN), INT8_MAX))


@dataclass(frozen=True, kw_only=True)
class LayerRanges:
    """The ranges of the input and output of one convolution or linear; the left operand and the result of a product."""

    input: Range
    output: Range
