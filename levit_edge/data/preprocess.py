"""From a photograph to the model's input: the ImageNet evaluation protocol.

Resize the short side, centre crop, scale to [0, 1], subtract the mean and divide by the standard deviation:
the `Resize`, `CenterCrop`, `ToTensor`, `Normalize` of the original LeViT evaluation, bit for bit.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from levit_edge.data.locations import Location, image_at
from levit_edge.device.image import crop_square, decode_image, open_image
from levit_edge.device.normalisation import FloatImage, Pixels, Triple, normalise_pixels
from levit_edge.errors import DataError

if TYPE_CHECKING:
    from levit_edge.model.config import LevitConfig

__all__ = [
    "FloatImage",
    "Pixels",
    "Preprocessing",
    "decode_input",
    "normalise",
    "open_image",
    "preprocess",
    "read_input",
]

SIDES = (16, 4096)  # pixels, least and most
MEANS = (0.0, 1.0)
DEVIATIONS = (1e-3, 1.0)


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """All that decides how a photograph becomes a model's input; saved with every bundle.

    Raises:
        DataError: a value is out of its range, or `resize` is less than `image_size`.
    """

    image_size: int
    """Side of the square that the model sees, pixels."""
    resize: int
    """Length of the short side before the centre crop, pixels."""
    interpolation: str = "bicubic"
    """How photographs are resampled; "bicubic" is Pillow's, with antialiasing, and the only choice."""
    mean: Triple
    """Subtracted from red, green and blue in [0, 1]."""
    std: Triple
    """Divided by, after the mean is subtracted."""
    layout: str = "NCHW"
    """Order of the input's axes; the only choice."""

    def __post_init__(self) -> None:
        sides = {"image_size": (self.image_size,), "resize": (self.resize,)}
        for limits, values in ((SIDES, sides), (MEANS, {"mean": self.mean}), (DEVIATIONS, {"std": self.std})):
            for name, numbers in values.items():
                for number in numbers:
                    if not limits[0] <= number <= limits[1]:
                        raise DataError(f"preprocessing {name} is {number}, expected {limits[0]} to {limits[1]}")
        if self.resize < self.image_size:
            raise DataError(
                f"the short side would be resized to {self.resize} pixels, but the model sees {self.image_size}: "
                f"resize to {self.image_size} or more"
            )
        for name, value, only in (("interpolation", self.interpolation, "bicubic"), ("layout", self.layout, "NCHW")):
            if value != only:
                raise DataError(f"preprocessing {name} is {value[:60]!r}, expected {only!r}")

    @classmethod
    def from_config(cls, config: "LevitConfig", resize: int | None = None) -> "Preprocessing":
        """The preprocessing a model was trained for; `resize` replaces the length of the short side.

        With `resize` equal to the short side of all images (224 for images of 224 × 224) nothing is resampled.
        """
        return cls(
            image_size=config.image_size,
            resize=config.resize if resize is None else resize,
            mean=config.mean,
            std=config.std,
        )


def normalise(pixels: Pixels, preprocessing: Preprocessing) -> FloatImage:
    """(H, W, 3) uint8 -> (3, H, W) float32, a new array."""
    return normalise_pixels(pixels, preprocessing.mean, preprocessing.std)


def preprocess(image: Image.Image, preprocessing: Preprocessing) -> FloatImage:
    """A photograph -> the model's input without the batch axis, (3, image_size, image_size) float32."""
    return _input(image.convert("RGB"), preprocessing)


def read_input(location: Location, preprocessing: Preprocessing) -> FloatImage:
    """A photograph where it lies -> the model's input, (3, image_size, image_size) float32.

    Raises:
        DataError: it cannot be read; see `open_image`.
    """
    return _input(image_at(location), preprocessing)


def decode_input(content: bytes, name: str, preprocessing: Preprocessing) -> FloatImage:
    """The bytes of a photograph's file -> the model's input, (3, image_size, image_size) float32.

    Raises:
        DataError: it cannot be decoded; see `decode_image`.
    """
    return _input(decode_image(content, name), preprocessing)


def _input(image: Image.Image, preprocessing: Preprocessing) -> FloatImage:
    return normalise(np.asarray(crop_square(image, preprocessing.resize, preprocessing.image_size)), preprocessing)
