"""Photographs as bad cameras, light and transmission leave them: images for which no range was calibrated.

Seven kinds in three strengths, on the pixels that the network sees, as ImageNet-C has them (Hendrycks and Dietterich,
"Benchmarking Neural Network Robustness to Common Corruptions and Perturbations", arXiv 1903.12261); made by Pillow and
numpy alone, and the same on every run.
"""

from collections.abc import Callable
from enum import StrEnum
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from levit_edge.data.preprocess import Pixels, Preprocessing, normalise

__all__ = ["STRENGTHS", "Corruption", "corrupted"]

GAMMA = 2.2
"""Of displays, about: exposure multiplies light and not pixels."""


class Corruption(StrEnum):
    """What happened to an image."""

    OVEREXPOSED = "overexposed"
    UNDEREXPOSED = "underexposed"
    BLURRED = "blurred"
    NOISY = "noisy"
    GREY = "grey"
    JPEG = "JPEG"
    LOW_CONTRAST = "low contrast"


STRENGTHS: dict[Corruption, tuple[float, float, float]] = {
    Corruption.OVEREXPOSED: (0.5, 1, 2),
    Corruption.UNDEREXPOSED: (1, 2, 3),
    Corruption.BLURRED: (1, 2, 4),
    Corruption.NOISY: (10, 20, 40),
    Corruption.GREY: (1 / 3, 2 / 3, 1),
    Corruption.JPEG: (30, 15, 7),
    Corruption.LOW_CONTRAST: (0.5, 0.25, 0.1),
}
"""From weak to strong: stops of light, stops, pixels (standard deviation), steps of 255 (standard deviation), part of
the colour that is lost, quality, part of the contrast that is left."""


def corrupted(
    batch: NDArray[np.float32], kind: Corruption, strength: float, preprocessing: Preprocessing, first: int = 0
) -> NDArray[np.float32]:
    """Images as the network sees them, (batch, 3, size, size) before and after; the number of the `first` is that of
    the whole set, and seeds its noise.
    """
    mean, std = (np.asarray(each, np.float32) for each in (preprocessing.mean, preprocessing.std))
    pixels = _to_pixels(255 * (batch.transpose(0, 2, 3, 1) * std + mean))
    spoilt = (_KINDS[kind](each, strength, first + number) for number, each in enumerate(pixels))
    return np.stack([normalise(each, preprocessing) for each in spoilt])


def _exposed(pixels: Pixels, stops: float) -> Pixels:
    light = (pixels / 255) ** GAMMA * 2**stops
    return _to_pixels(255 * light.clip(0, 1) ** (1 / GAMMA))


def _noisy(pixels: Pixels, deviation: float, seed: int) -> Pixels:
    return _to_pixels(pixels + np.random.default_rng(seed).normal(0, deviation, pixels.shape))


def _as_jpeg(pixels: Pixels, quality: float) -> Pixels:
    Image.fromarray(pixels).save(stored := BytesIO(), "JPEG", quality=round(quality))
    return np.asarray(Image.open(stored))


def _enhanced(how: Callable[[Image.Image], ImageEnhance._Enhance], pixels: Pixels, factor: float) -> Pixels:
    return np.asarray(how(Image.fromarray(pixels)).enhance(factor))


def _to_pixels(values: NDArray[np.floating[Any]]) -> Pixels:
    return values.round().clip(0, 255).astype(np.uint8)


_KINDS: dict[Corruption, Callable[[Pixels, float, int], Pixels]] = {
    Corruption.OVEREXPOSED: lambda pixels, stops, _seed: _exposed(pixels, stops),
    Corruption.UNDEREXPOSED: lambda pixels, stops, _seed: _exposed(pixels, -stops),
    Corruption.BLURRED: lambda pixels, radius, _seed: np.asarray(
        Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius))
    ),
    Corruption.NOISY: _noisy,
    Corruption.GREY: lambda pixels, part, _seed: _enhanced(ImageEnhance.Color, pixels, 1 - part),
    Corruption.JPEG: lambda pixels, quality, _seed: _as_jpeg(pixels, quality),
    Corruption.LOW_CONTRAST: lambda pixels, part, _seed: _enhanced(ImageEnhance.Contrast, pixels, part),
}
