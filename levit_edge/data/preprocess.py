"""From a photograph to the model's input: the ImageNet evaluation protocol.

Resize the short side, centre crop, scale to [0, 1], subtract the mean and divide by the standard deviation:
the `Resize`, `CenterCrop`, `ToTensor`, `Normalize` of the original LeViT evaluation, bit for bit. The filter and
squashing are timm's and Transformers', as checkpoints state them, also bit for bit.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from levit_edge.data.locations import Location, photograph_at
from levit_edge.data.options import AS_TRAINED, INTERPOLATIONS, LIMITS, PreprocessingChanges, require_in_range
from levit_edge.device.colours import to_rgb
from levit_edge.device.image import crop_square, decode_photograph
from levit_edge.device.normalisation import FloatImage, Pixels, Triple, normalise_pixels
from levit_edge.device.orientation import Photograph
from levit_edge.errors import DataError

if TYPE_CHECKING:
    from levit_edge.model.config import LevitConfig

__all__ = [
    "FloatImage",
    "Pixels",
    "Preprocessing",
    "cut_square",
    "decode_input",
    "normalise",
    "preprocess",
    "preprocess_photograph",
    "read_input",
]

CHOICES = {"interpolation": INTERPOLATIONS, "layout": ("NCHW",)}


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """All that decides how a photograph becomes a model's input; saved with every bundle.

    Raises:
        DataError: a value is out of its range, or `resize` is less than `image_size`.
    """

    image_size: int
    """Side of the square that the model sees, pixels."""
    resize: int
    """Length of the short side before the centre crop, pixels; of both sides with `squash`."""
    squash: bool = False
    """Whether photographs are resized to a square, whatever their proportions."""
    interpolation: str = "bicubic"
    """How photographs are resampled: Pillow's "bicubic", "bilinear" or "lanczos", all with antialiasing."""
    mean: Triple
    """Subtracted from red, green and blue in [0, 1]."""
    std: Triple
    """Divided by, after the mean is subtracted."""
    layout: str = "NCHW"
    """Order of the input's axes; the only choice."""
    exif: bool = False
    """Whether photographs are turned the way up that EXIF says, which the protocol does not."""

    def __post_init__(self) -> None:
        for name in LIMITS:
            require_in_range(name, getattr(self, name))
        if self.resize < self.image_size:
            raise DataError(
                f"the short side would be resized to {self.resize} pixels, but the model sees {self.image_size}: "
                f"resize to {self.image_size} or more"
            )
        for name, choices in CHOICES.items():
            if (text := getattr(self, name)) not in choices:
                expected = " or ".join(map(repr, choices))
                raise DataError(f"preprocessing {name} is {text[:60]!r}, expected {expected}")

    def __str__(self) -> str:
        """For people, such as `short side 256, bicubic, centre 224, mean 0.485 0.456 0.406, deviation …`."""
        sides = "both sides" if self.squash else "short side"
        mean, std = (" ".join(f"{number:.6g}" for number in each) for each in (self.mean, self.std))
        return f"{sides} {self.resize}, {self.interpolation}, centre {self.image_size}, mean {mean}, deviation {std}"

    @classmethod
    def from_config(cls, config: "LevitConfig", changes: PreprocessingChanges = AS_TRAINED) -> "Preprocessing":
        """The preprocessing a model was trained for, but for `changes`.

        With `resize` equal to the short side of all images (224 for images of 224 × 224) nothing is resampled.
        """
        resize, squash = changes.resize_for(config.image_size), changes.squash
        return cls(
            image_size=config.image_size,
            resize=config.resize if resize is None else resize,
            squash=config.squash if squash is None else squash,
            interpolation=changes.interpolation or config.interpolation,
            mean=changes.mean or config.mean,
            std=changes.std or config.std,
        )


def cut_square(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    """The part of an RGB image that the model sees, image_size × image_size.

    Raises:
        DataError: it is too elongated; see `crop_square`.
    """
    return crop_square(
        image,
        preprocessing.resize,
        preprocessing.image_size,
        interpolation=preprocessing.interpolation,
        squash=preprocessing.squash,
    )


def normalise(pixels: Pixels, preprocessing: Preprocessing) -> FloatImage:
    """(H, W, 3) uint8 -> (3, H, W) float32, a new array."""
    return normalise_pixels(pixels, preprocessing.mean, preprocessing.std)


def preprocess(image: Image.Image, preprocessing: Preprocessing) -> FloatImage:
    """A photograph -> the model's input without the batch axis, (3, image_size, image_size) float32.

    Raises:
        DataError: see `levit_edge.device.colours.check_depth` and `cut_square`.
    """
    colours = image if image.mode == "RGB" else to_rgb(image)
    return normalise(np.asarray(cut_square(colours, preprocessing)), preprocessing)


def preprocess_photograph(photograph: Photograph, preprocessing: Preprocessing) -> FloatImage:
    """As `preprocess`, of a photograph that may have to be turned."""
    return preprocess(photograph.upright if preprocessing.exif else photograph.pixels, preprocessing)


def read_input(location: Location, preprocessing: Preprocessing) -> FloatImage:
    """A photograph where it lies -> the model's input, (3, image_size, image_size) float32.

    Raises:
        DataError: it cannot be read; see `levit_edge.device.image.open_photograph`.
    """
    return preprocess_photograph(photograph_at(location), preprocessing)


def decode_input(content: bytes, name: str, preprocessing: Preprocessing) -> FloatImage:
    """The bytes of a photograph's file -> the model's input, (3, image_size, image_size) float32.

    Raises:
        DataError: it cannot be decoded; see `levit_edge.device.image.decode_photograph`.
    """
    return preprocess_photograph(decode_photograph(content, name), preprocessing)
