"""How a run takes its images: the options that every step which reads images shares."""

import math
from dataclasses import dataclass, fields
from pathlib import Path

from levit_edge.errors import DataError

__all__ = [
    "AS_TRAINED",
    "DEFAULTS",
    "INTERPOLATIONS",
    "LIMITS",
    "ImageOptions",
    "PreprocessingChanges",
    "require_in_range",
]

INTERPOLATIONS = ("bicubic", "bilinear", "lanczos")
"""Pillow's filters that a photograph can be resampled with, all with antialiasing."""
CENTER, SQUASH = "center", "squash"
LEAST_CROP = 0.1
OPTIONS = {"bundle": "--preprocessing"}
"""Options of the command line that are not called as the values are."""
LIMITS = {"image_size": (16, 4096), "resize": (16, 4096), "mean": (0.0, 1.0), "std": (1e-3, 1.0)}
"""Least and most of each number that preprocessing takes."""
Triple = tuple[float, float, float]


def require_in_range(name: str, value: float | Triple) -> None:
    """Refuse a number of preprocessing outside `LIMITS`.

    Raises:
        DataError: it is.
    """
    low, high = LIMITS[name]
    for number in value if isinstance(value, tuple) else (value,):
        if not low <= number <= high:
            pixels = ": divide what is of 0 … 255 by 255" if isinstance(value, tuple) and number > high else ""
            raise DataError(f"preprocessing {name} is {number}, expected {low} to {high}{pixels}")


@dataclass(frozen=True, kw_only=True)
class PreprocessingChanges:
    """What is to be otherwise than the checkpoint's own preprocessing, or a bundle's; None leaves it as it is.

    Raises:
        DataError: a value is out of its range or none that there is, or both `resize` and a fraction are given.
    """

    bundle: str | None = None
    """The folder of a bundle whose preprocessing is taken in place of the checkpoint's own; the other values go before
    it."""
    resize: int | None = None
    """Pixels of the short side before the centre is cut out; of both sides if photographs are squashed."""
    crop: str | None = None
    """`center` keeps photographs' proportions, `squash` resizes both sides alike; a fraction, timm's `crop_pct`, says
    how much of the resized side is left: `0.9` resizes to floor(input size / 0.9)."""
    interpolation: str | None = None
    """One of `INTERPOLATIONS`."""
    mean: Triple | None = None
    """Of red, green and blue in [0, 1]; subtracted."""
    std: Triple | None = None
    """Of red, green and blue in [0, 1]; divided by."""

    def __post_init__(self) -> None:
        for name in ("resize", "mean", "std"):
            if (value := getattr(self, name)) is not None:
                require_in_range(name, value)
        if self.crop is not None and self.crop not in (CENTER, SQUASH) and self.fraction is None:
            raise DataError(f"crop is {self.crop[:60]!r}, expected {CENTER}, {SQUASH} or a fraction from 0.1 to 1")
        if self.resize is not None and self.fraction is not None:
            raise DataError(f"resize {self.resize} and crop {self.crop} both say how large images are made: give one")
        if self.interpolation is not None and self.interpolation not in INTERPOLATIONS:
            raise DataError(
                f"interpolation is {self.interpolation[:60]!r}, expected one of {', '.join(INTERPOLATIONS)}"
            )

    @property
    def fraction(self) -> float | None:
        """`crop`, if it is a number."""
        try:
            value = float(self.crop or "")
        except ValueError:
            return None
        return value if LEAST_CROP <= value <= 1 else None

    @property
    def squash(self) -> bool | None:
        """What `crop` says of proportions; None: nothing."""
        return self.crop == SQUASH if self.crop in (CENTER, SQUASH) else None

    @property
    def sizes_images(self) -> bool:
        """Whether the user says to what size photographs are resized."""
        return self.resize is not None or self.fraction is not None

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left to the checkpoint's own preprocessing."""
        return self.sizes_images and None not in (self.interpolation, self.mean, self.std)

    def resize_for(self, image_size: int) -> int | None:
        """Pixels that photographs are resized to for a network of that input size; None: nothing is said."""
        return self.resize if self.fraction is None else math.floor(image_size / self.fraction)

    def option_words(self) -> list[tuple[str, str]]:
        """As options of the command line."""
        given = {each.name: getattr(self, each.name) for each in fields(self)}
        return [
            (OPTIONS.get(name, f"--{name}"), ",".join(map(repr, value)) if isinstance(value, tuple) else str(value))
            for name, value in given.items()
            if value is not None
        ]


AS_TRAINED = PreprocessingChanges()


@dataclass(frozen=True, kw_only=True)
class ImageOptions:
    """How images are chosen and read; each default is what suits most runs."""

    preprocessing: PreprocessingChanges = AS_TRAINED
    """What is done otherwise than the checkpoint says. A bundle keeps its own preprocessing, so `verify` takes none."""
    limit: int | None = None
    """Evaluate on a class-balanced sample of at most so many images; None: all."""
    labels: Path | None = None
    """A table of files and classes for the evaluation images; see `levit_edge.data.sources.table`."""
    devkit: Path | None = None
    """The development kit of ILSVRC 2012, which tells the classes of ImageNet's validation images."""
    classes: Path | None = None
    """A table of the model's classes, which decides what a label stands for against all else; see
    `levit_edge.data.class_table.read_class_table`."""
    only: Path | None = None
    """A list of the images to take, one on each line: of those to calibrate on where there are such, else of those to
    evaluate on."""
    skip_bad_images: bool = False
    """Leave out images that cannot be read, which otherwise end the run."""
    exif: bool = False
    """Turn photographs to evaluate on the way up that their EXIF says, which the protocol does not."""
    workers: int | None = None
    """Processes that share the images; 0: this one alone; None: what suits their number, at most four. Results are the
    same to the last digit."""

    def option_words(self) -> list[tuple[str, ...]]:
        """As options of the command line, without `limit`, which not all commands call so, and `workers`."""
        files = {name: getattr(self, name) for name in ("classes", "labels", "devkit", "only")}
        words: list[tuple[str, ...]] = [(f"--{name}", str(path)) for name, path in files.items() if path is not None]
        words += self.preprocessing.option_words()
        flags = {"--exif": self.exif, "--skip-bad-images": self.skip_bad_images}
        return [*words, *((name,) for name, given in flags.items() if given)]

    def processes(self, default: int) -> int:
        """`workers`, or else `default`."""
        return default if self.workers is None else self.workers


DEFAULTS = ImageOptions()
