"""Pixels of any kind as 8-bit red, green and blue, by one rule for each kind and never clipped in silence.

Pillow's own `convert("RGB")` does most, as in the reference implementations: grey is repeated, palettes are looked up,
CMYK is mixed (Adobe's inverted JPEGs too), and transparency is dropped, with the colours below it as they are stored.
But it clips grey pixels of more than 8 bits to white. Those of 16 bits become their high bytes here, as 16-bit RGB does
in Pillow and with libpng's `png_set_strip_16`: exact for 8-bit pixels that were widened, be it by 256 or by 257.
"""

from __future__ import annotations

from typing import Any

from PIL import Image

from levit_edge.device.errors import DataError

BITS_PER_SAMPLE, PHOTOMETRIC = 258, 262
"""TIFF's tags."""
WHITE_IS_ZERO = 0
ADVICE = "convert it to 8 or 16 bits"


def check_depth(image: Image.Image) -> None:
    """Refuse pixels whose black and white are not known.

    Raises:
        DataError: they are floating-point, 32-bit or signed numbers.
    """
    if image.mode == "F":
        raise DataError(f"its pixels are floating-point numbers, and what is white among them is not known: {ADVICE}")
    if image.mode == "I" and image.format != "PNG":  # PNG's are the 16-bit ones of Pillow before 11
        raise DataError(f"its pixels are 32-bit or signed numbers, and what is white among them is not known: {ADVICE}")


def to_rgb(image: Image.Image) -> Image.Image:
    """`image` in mode RGB; see the module for how.

    Raises:
        DataError: see `check_depth`.
    """
    check_depth(image)
    if image.mode == "I" or image.mode.startswith("I;16"):
        image = _high_bytes(image)
    return image.convert("RGB")


def _high_bytes(image: Image.Image) -> Image.Image:
    """The most significant 8 bits of grey pixels of 16, or of the 9 to 15 that a TIFF says it has."""
    tags: Any = getattr(image, "tag_v2", {})
    bits = tags.get(BITS_PER_SAMPLE, (16,))[0]
    step = 2 ** (bits - 8)
    wide = image.convert("I")
    if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:  # Pillow inverts the 8-bit ones only
        return wide.point(lambda value: value * (-1 / step) + (2**bits - 1) / step).convert("L")
    return wide.point(lambda value: value * (1 / step)).convert("L")
