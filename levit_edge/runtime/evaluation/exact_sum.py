"""Sums of floats without any rounding, so that neither order nor grouping matters.

Every finite float is an integer multiple of 2⁻¹⁰⁷⁴, the smallest subnormal number; the sum is kept as that integer.
"""

import math
import re
from typing import Self

__all__ = ["ExactSum"]

EXPONENT = 1074
ONE = 1 << EXPONENT
LARGEST = 1 << (EXPONENT + 1024 + 64)
"""What 2⁶⁴ floats add up to at most, in units of 2⁻¹⁰⁷⁴."""
LONGEST_TEXT = len(f"-{LARGEST:x}")
HEXADECIMAL = re.compile(r"0|-?[1-9a-f][0-9a-f]*", re.ASCII)


class ExactSum:
    """A sum of floats; infinities and NaN count as in IEEE 754."""

    __slots__ = ("_not_finite", "_units")

    def __init__(self) -> None:
        self._units = 0
        self._not_finite = 0.0

    def add(self, value: float) -> None:
        """Add one float."""
        if math.isfinite(value):
            numerator, denominator = value.as_integer_ratio()  # the denominator is a power of two
            self._units += numerator << (EXPONENT + 1 - denominator.bit_length())
        else:
            self._not_finite += value

    def merge(self, other: Self) -> None:
        """Add all that was added to `other`."""
        self._units += other._units
        self._not_finite += other._not_finite

    @property
    def value(self) -> float:
        """The float that is nearest to the sum; infinite beyond the largest one."""
        if self._not_finite:
            return self._not_finite
        try:
            return self._units / ONE
        except OverflowError:
            return math.inf if self._units > 0 else -math.inf

    def to_text(self) -> str:
        """The sum in hexadecimal, in units of 2⁻¹⁰⁷⁴; `inf`, `-inf` or `nan`, which are not read again."""
        return str(self._not_finite) if self._not_finite else f"{self._units:x}"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """The sum that `to_text` gave `text` for.

        Raises:
            ValueError: `text` is not of that form, or is longer than any sum of 2⁶⁴ floats.
        """
        if len(text) > LONGEST_TEXT or not HEXADECIMAL.fullmatch(text):
            raise ValueError(f"expected at most {LONGEST_TEXT} hexadecimal digits without leading zeros")
        found = cls()
        found._units = int(text, 16)
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ExactSum) and self.to_text() == other.to_text()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"ExactSum({self.value!r})"
