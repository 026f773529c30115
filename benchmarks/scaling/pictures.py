"""Pictures as large as ImageNet's: `python -m benchmarks.scaling.pictures FOLDER OUTPUT`.

What an evaluation costs depends on the size of its images, and the ones at hand are smaller. These are enlarged to
500 × 375 pixels, and noise makes their files about as long as ImageNet's, which have 110 to 130 KB on average. What is
in them means nothing any more: they are for timing alone.
"""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from PIL import Image

from levit_edge.data.image_set import calibration_images
from levit_edge.data.locations import Location, image_at

SIZE = (500, 375)
QUALITY, NOISE = 90, 20.0


def enlarge(source: Location, target: Path, seed: int) -> int:
    """Write one picture; returns the bytes of its file."""
    pixels = np.asarray(image_at(source).resize(SIZE, Image.Resampling.BICUBIC), np.float32)
    noise = np.random.default_rng(seed).normal(0, NOISE, pixels.shape)
    target.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8)).save(target, quality=QUALITY)
    return target.stat().st_size


def command(
    folder: Annotated[Path, typer.Argument(help="An image folder.")],
    output: Annotated[Path, typer.Argument(help="Where the pictures go, in the same folders.")],
) -> None:
    """Make pictures as large as ImageNet's."""
    images = calibration_images(folder)
    sizes = [
        enlarge(source, (output / name).with_suffix(".jpg"), number)
        for number, (source, name) in enumerate(zip(images.images, images.relative_paths, strict=True))
    ]
    typer.echo(f"{len(sizes)} pictures of {SIZE[0]} × {SIZE[1]}, {np.mean(sizes) / 1000:.0f} KB on average")


if __name__ == "__main__":
    typer.run(command)
