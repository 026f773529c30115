"""Small JPEGs of photographs as text, for documents that are shown in a browser."""

import base64
import io
import warnings

import numpy as np
from PIL import Image

from levit_edge.data.locations import Location, image_at
from levit_edge.data.preprocess import Preprocessing, cut_square

__all__ = ["make_thumbnail", "thumbnail_fault"]

SIDE = 112
QUALITY = 82
MOST_BYTES = 16 * 2**10
"""About four times what a photograph takes."""
LAST_MARKER = b"\xff\xd9"


def make_thumbnail(location: Location, preprocessing: Preprocessing) -> str:
    """The square that the model sees of the photograph at `location`, as a JPEG of 112 × 112 pixels in base64.

    It is made of the pixels alone: no place, date or comment of the original is in it.

    Raises:
        DataError: the photograph cannot be read.
    """
    square = cut_square(image_at(location, exif=preprocessing.exif), preprocessing)
    pixels = np.asarray(square.resize((SIDE, SIDE), Image.Resampling.LANCZOS))
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def thumbnail_fault(text: str) -> str:
    """Why `text` is not what `make_thumbnail` gives, as the end of a sentence; empty if it is."""
    if len(text) > MOST_BYTES * 4 // 3 + 4:
        return f"has {len(text)} characters, more than {MOST_BYTES} bytes need"
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return "is not base64"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
                if image.size != (SIDE, SIDE):
                    return f"has {image.width} × {image.height} pixels, expected {SIDE} × {SIDE}"
                image.load()
    except Exception:  # damaged files make Pillow's decoders raise almost anything
        return "is not a JPEG"
    return "" if data.endswith(LAST_MARKER) else "has something behind the picture"
