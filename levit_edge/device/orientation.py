"""Which way up a photograph was taken: EXIF's tag 0x0112 (CIPA DC-008), as cameras write it."""

from __future__ import annotations

from typing import NamedTuple

from PIL import Image

ORIENTATION = 0x0112
AS_IT_IS = 1
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Photograph(NamedTuple):
    """A decoded photograph."""

    pixels: Image.Image
    """RGB, in the order in which they are stored."""
    orientation: int
    """Where EXIF says that the first row and column are, 1 to 8; 1 where it says nothing."""

    @property
    def upright(self) -> Image.Image:
        """The pixels the way up that EXIF says."""
        turn = TURNS.get(self.orientation)
        return self.pixels if turn is None else self.pixels.transpose(turn)


def orientation_of(image: Image.Image) -> int:
    """What EXIF says of an image whose pixels were decoded already; damaged EXIF says nothing.

    A TIFF's own tag is part of its format: Pillow turns the pixels by it, and none is left. Of an AVIF Pillow gives the
    format's properties as EXIF. What Pillow's `getexif` also takes, from XMP and from ImageMagick's text in PNG, is no
    EXIF, differs between its versions, and turns nothing in browsers either.
    """
    exif = Image.Exif()
    try:
        exif.load(image.info.get("exif", b""))
        orientation = exif.get(ORIENTATION, AS_IT_IS)
    except Exception:  # damaged metadata make Pillow raise almost anything, and the pixels are sound
        return AS_IT_IS
    return orientation if orientation in TURNS else AS_IT_IS
