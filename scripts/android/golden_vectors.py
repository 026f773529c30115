"""Write what the Java of the Android demo has to compute: pictures, and what levit-edge and Pillow make of them.

    python scripts/android/golden_vectors.py build/vectors

`vectors.json` lists the cases by kind. Pixels lie in files of their own, red, green, blue of each, row after row;
inputs are little-endian float32. The JUnit tests of `android_demo` find the folder by the environment variable
LEVIT_EDGE_VECTORS, and write the documents into it that levit-edge has to read.
"""

import argparse
import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from levit_edge.data.preprocess import Preprocessing, preprocess
from levit_edge.demo import evaluation_dir
from levit_edge.device.image import crop_square, decode_photograph, open_photograph
from levit_edge.device.ranking import softmax, top_classes
from levit_edge.documents import to_json

OLDEST_PILLOW = 13
"""From it on, tall pictures are resized vertically first; older ones give other pixels for them."""
PHOTOGRAPHS = 8
RANDOM_SIZES = 120
LARGEST_RANDOM_SIDE = 150
EXTREME_SIZES = [
    ((1, 1), (1, 1)),
    ((1, 1), (40, 30)),
    ((300, 1), (7, 5)),
    ((1, 300), (5, 7)),
    ((2, 900), (3, 20)),
    ((64, 64), (64, 64)),
    ((64, 48), (64, 31)),
    ((64, 48), (31, 48)),
    ((17, 13), (170, 130)),
    ((1000, 3), (1, 1)),
    ((50, 110), (30, 70)),
    ((50, 111), (30, 70)),
    ((2016, 1512), (341, 256)),
]
"""(width, height) before and after. Of the two with 50 columns, Pillow begins with the rows of one alone."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PROTOCOLS = [
    Preprocessing(image_size=128, resize=146, mean=MEAN, std=STD),
    Preprocessing(image_size=224, resize=256, mean=MEAN, std=STD),
    Preprocessing(image_size=224, resize=224, mean=MEAN, std=STD),
    Preprocessing(image_size=16, resize=17, mean=(0.5, 0.5, 0.5), std=(0.25, 0.5, 1.0)),
]
PICTURE_SIZES = [
    (176, 216),
    (235, 176),
    (1, 1),
    (3, 50),
    (16, 17),
    (17, 16),
    (19, 17),
    (21, 16),
    (256, 256),
    (224, 301),
    (200, 601),
    (601, 200),
]
"""Among them sides whose margins end in a half, which Python rounds to even."""
XMP = b'<rdf:Description tiff:Orientation="8" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"/>'
"""It turns nothing, also where EXIF says nothing."""
EXIF_MAKE, EXIF_ORIENTATION = 0x010F, 0x0112
ORIENTED_FILES: list[tuple[str, str, dict[str, Any]]] = [
    ("jpeg", "JPEG", {}),
    ("png", "PNG", {}),
    ("webp", "WEBP", {}),
    ("webp-lossless", "WEBP", {"lossless": True}),
    ("avif", "AVIF", {}),
]
"""A name, and how Pillow is to save it."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the golden vectors of the Android demo's tests.")
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    if int(PIL.__version__.partition(".")[0]) < OLDEST_PILLOW:
        parser.error(
            f"needs Pillow {OLDEST_PILLOW}, whose order of directions the Java follows; this is {PIL.__version__}"
        )
    arguments.folder.mkdir(parents=True, exist_ok=True)
    write_vectors(arguments.folder)


def write_vectors(folder: Path) -> None:
    vectors = {
        "resize": [write_arrays(folder, case) for case in resize_cases()],
        "turn": [write_arrays(folder, case) for case in turn_cases()],
        "orientation": [write_arrays(folder, case) for case in orientation_cases()],
        "input": [write_arrays(folder, case) for case in input_cases()],
        "ranking": list(ranking_cases()),
        "percentiles": list(percentile_cases()),
    }
    (folder / "vectors.json").write_text(json.dumps(vectors, indent=1), encoding="utf-8")


def write_arrays(folder: Path, case: dict[str, Any]) -> dict[str, Any]:
    """The case with each array replaced by the name of its file; a picture's size stays."""
    plain = {}
    for key, value in case.items():
        if isinstance(value, np.ndarray):
            name = f"{case['name']}.{key}"
            (folder / name).write_bytes(np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<")).tobytes())
            plain[key] = {"file": name, "shape": value.shape}
        else:
            plain[key] = value
    return plain


def resize_cases() -> Iterator[dict[str, Any]]:
    generator = np.random.default_rng(1)
    sizes = [*EXTREME_SIZES]
    for _ in range(RANDOM_SIZES):
        width, height, new_width, new_height = (
            np.exp(generator.uniform(0, np.log(LARGEST_RANDOM_SIDE), 4)).round().astype(int).tolist()
        )
        sizes.append(((width, height), (new_width, new_height)))
    for index, (size, new_size) in enumerate(sizes):
        picture = synthetic(size, index)
        resized = picture.resize(new_size, Image.Resampling.BICUBIC)
        yield {"name": f"resize-{index}", "source": np.asarray(picture), "expected": np.asarray(resized)}


def turn_cases() -> Iterator[dict[str, Any]]:
    picture = synthetic((5, 3), 0)
    for orientation in range(1, 9):
        picture.getexif()[EXIF_ORIENTATION] = orientation
        turned = ImageOps.exif_transpose(picture)
        yield {
            "name": f"turn-{orientation}",
            "orientation": orientation,
            "source": np.asarray(picture),
            "expected": np.asarray(turned),
        }


def orientation_cases() -> Iterator[dict[str, Any]]:
    """Whole files, in the formats of cameras that Android reads; 0 stands for one that says nothing."""
    picture = synthetic((21, 13), 2)
    for name, form, options in ORIENTED_FILES:
        for orientation in range(9):
            exif = Image.Exif()
            exif[EXIF_MAKE] = "levit-edge"
            if orientation:
                exif[EXIF_ORIENTATION] = orientation
            file = BytesIO()
            picture.save(file, form, exif=exif, **xmp_of(form), **options)
            yield {
                "name": f"orientation-{name}-{orientation}",
                "file": np.frombuffer(file.getvalue(), np.uint8),
                "expected": decode_photograph(file.getvalue(), name).orientation,
            }


def xmp_of(form: str) -> dict[str, Any]:
    """What lets Pillow write XMP; of a PNG that is a text as any other."""
    if form != "PNG":
        return {"xmp": XMP}
    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", XMP.decode())
    return {"pnginfo": text}


def input_cases() -> Iterator[dict[str, Any]]:
    paths = sorted(evaluation_dir().glob("*/*.jpg"))
    photographs = [open_photograph(path).pixels for path in paths[:: len(paths) // PHOTOGRAPHS]]
    pictures = photographs + [synthetic(size, index) for index, size in enumerate(PICTURE_SIZES)]
    for index, picture in enumerate(pictures):
        for protocol in PROTOCOLS:
            pixels = np.asarray(crop_square(picture, protocol.resize, protocol.image_size))
            yield {
                "name": f"input-{index}-{protocol.image_size}-{protocol.resize}",
                "preprocessing": to_json(protocol),
                "source": np.asarray(picture),
                "pixels": pixels,
                "expected": preprocess(picture, protocol),
            }


def ranking_cases() -> Iterator[dict[str, Any]]:
    generator = np.random.default_rng(2)
    for classes in (1, 2, 5, 10, 1000):
        for scale in (0.01, 3, 300):
            # few different values: many are equal
            logits = (scale * generator.integers(-8, 9, classes)).astype(np.float32)
            yield {
                "logits": logits.astype(float).tolist(),
                "probabilities": softmax(logits).tolist(),
                "top": top_classes(logits, 5),
            }


def percentile_cases() -> Iterator[dict[str, Any]]:
    generator = np.random.default_rng(3)
    percents = [0, 50, 90, 99, 100]
    for count in (1, 2, 3, 10, 99, 100, 101, 500):
        values = generator.lognormal(size=count)
        yield {
            "values": values.tolist(),
            "percents": percents,
            "expected": np.percentile(values, percents).tolist(),
        }


def synthetic(size: tuple[int, int], seed: int) -> Image.Image:
    """Noise, black and white squares, or a slope: what rings, what clips, and what is smooth."""
    width, height = size
    generator, rows, columns = np.random.default_rng(seed), *np.indices((height, width))
    kinds: list[npt.NDArray[Any]] = [
        generator.integers(0, 256, (height, width, 3)),
        np.repeat((255 * ((rows // 3 + columns // 2) % 2))[..., None], 3, axis=2),
        np.stack([255 * columns // width, 255 * rows // height, 255 - 255 * columns // width], axis=2),
    ]
    return Image.fromarray(kinds[seed % 3].astype(np.uint8))


if __name__ == "__main__":
    main()
