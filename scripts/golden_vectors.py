"""Write what the demos' Java and JavaScript have to compute: pictures, and what levit-edge and Pillow make of them.

    python scripts/golden_vectors.py build/vectors

`vectors.json` lists the cases by kind. Pixels lie in files of their own, red, green, blue of each, row after row;
inputs are little-endian float32. The tests of `android_demo` and `web_demo` find the folder by the environment variable
LEVIT_EDGE_VECTORS; JUnit's write the documents into it that levit-edge has to read. `folders.json` has the tables by
which pages read folders: those of models for the cases of tests/data/pairing.json, each with the model's names.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from levit_edge.bundle.kinds import Precision
from levit_edge.data import imagenet
from levit_edge.data.classes import ModelClasses, placeholder_names
from levit_edge.data.folder_tables import FileTable, PairingTable
from levit_edge.data.preprocess import Preprocessing, cut_square, preprocess
from levit_edge.demo import evaluation_dir
from levit_edge.device.golden import LEAST_SQNR_DB, compare_golden
from levit_edge.device.image import FILTERS, decode_photograph, open_photograph
from levit_edge.device.ranking import softmax, top_classes
from levit_edge.documents import to_json
from levit_edge.package.document import InputFormat
from levit_edge.runtime.evaluation.comparison import Comparison, Counts, paired_interval

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
PAIRING = Path(__file__).parents[1] / "tests" / "data" / "pairing.json"
IMAGENET_NAMES: dict[str | None, tuple[str, ...] | None] = {
    "names": imagenet.class_names(),
    "synsets": imagenet.synsets(),
    "reversed": imagenet.class_names()[::-1],
    "all": tuple(each.names for each in imagenet.classes()),
    "reversed all": tuple(each.names for each in imagenet.classes())[::-1],
    None: None,
}
"""What those cases call the names of models with ImageNet's number of outputs."""
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PROTOCOLS = [
    Preprocessing(image_size=128, resize=146, mean=MEAN, std=STD),
    Preprocessing(image_size=224, resize=256, mean=MEAN, std=STD),
    Preprocessing(image_size=224, resize=224, mean=MEAN, std=STD),
    Preprocessing(image_size=16, resize=17, mean=(0.5, 0.5, 0.5), std=(0.25, 0.5, 1.0)),
]
OTHER_FILTERS = ("bilinear", "lanczos")
OTHER_PROTOCOLS = [
    Preprocessing(image_size=64, resize=70, interpolation="bilinear", mean=MEAN, std=STD),
    Preprocessing(image_size=61, resize=64, squash=True, mean=MEAN, std=STD),
]
"""What the Android demo refuses."""
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
    parser = argparse.ArgumentParser(description="Write the golden vectors of the demos' tests.")
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    if int(PIL.__version__.partition(".")[0]) < OLDEST_PILLOW:
        parser.error(
            f"needs Pillow {OLDEST_PILLOW}, whose order of directions the demos follow; this is {PIL.__version__}"
        )
    arguments.folder.mkdir(parents=True, exist_ok=True)
    write_vectors(arguments.folder)


def write_vectors(folder: Path) -> None:
    vectors = {
        "resize": [write_arrays(folder, case) for case in resize_cases("bicubic")],
        "filters": [write_arrays(folder, case) for name in OTHER_FILTERS for case in resize_cases(name)],
        "turn": [write_arrays(folder, case) for case in turn_cases()],
        "orientation": [write_arrays(folder, case) for case in orientation_cases()],
        "unusual orientation": [write_arrays(folder, case) for case in unusual_orientation_cases()],
        "sizes": [write_arrays(folder, case) for case in size_cases()],
        "input": [write_arrays(folder, case) for case in input_cases(PROTOCOLS)],
        "protocols": [write_arrays(folder, case) for case in input_cases(OTHER_PROTOCOLS)],
        "ranking": list(ranking_cases()),
        "percentiles": list(percentile_cases()),
        "intervals": list(interval_cases()),
        "tallies": list(tally_cases()),
        "golden": list(golden_cases()),
    }
    (folder / "vectors.json").write_text(json.dumps(vectors, indent=1), encoding="utf-8")
    folders = {"pairing": list(pairing_cases()), "files": to_json(FileTable.of_levit_edge())}
    (folder / "folders.json").write_text(json.dumps(folders), encoding="utf-8")


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


def resize_cases(interpolation: str) -> Iterator[dict[str, Any]]:
    generator = np.random.default_rng(1)
    sizes = [*EXTREME_SIZES]
    for _ in range(RANDOM_SIZES):
        width, height, new_width, new_height = (
            np.exp(generator.uniform(0, np.log(LARGEST_RANDOM_SIDE), 4)).round().astype(int).tolist()
        )
        sizes.append(((width, height), (new_width, new_height)))
    for index, (size, new_size) in enumerate(sizes):
        picture = synthetic(size, index)
        resized = picture.resize(new_size, FILTERS[interpolation])
        yield {
            "name": f"resize-{interpolation}-{index}",
            "interpolation": interpolation,
            "source": np.asarray(picture),
            "expected": np.asarray(resized),
        }


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


def size_cases() -> Iterator[dict[str, Any]]:
    """A picture as a file of each format, and its width and height as far as its first bytes are to tell them."""
    size = (601, 283)
    others: list[tuple[str, str, dict[str, Any]]] = [
        ("progressive", "JPEG", {"progressive": True, "exif": Image.Exif().tobytes()}),
        ("gif", "GIF", {}),
        ("bmp", "BMP", {}),
        ("webp-exif", "WEBP", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\0"}),
        ("tiff", "TIFF", {}),
    ]
    for name, kind, options in [*ORIENTED_FILES, *others]:
        buffer = BytesIO()
        synthetic(size, 5).save(buffer, kind, **options)
        file = np.frombuffer(buffer.getvalue(), np.uint8)
        yield {"name": f"sizes-{name}", "file": file, "size": None if kind == "TIFF" else size}


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


def unusual_orientation_cases() -> Iterator[dict[str, Any]]:
    """JPEGs whose EXIF is elsewhere, or otherwise, than cameras write it."""
    entry = {
        "short": b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0",
        "long": b"\x12\x01\x04\0\x01\0\0\0\x06\0\0\0",
        "byte": b"\x12\x01\x01\0\x01\0\0\0\x06\0\0\0",
        "signed": b"\x12\x01\x08\0\x01\0\0\0\x06\0\0\0",
        "two": b"\x12\x01\x03\0\x02\0\0\0\x06\0\0\0",
        "nine": b"\x12\x01\x03\0\x01\0\0\0\x09\0\0\0",
    }
    before = {"fill": b"\xff\xff\xff", "late": (b"\xff\xe2\xff\xff" + bytes(65_533)) * 5}
    for name, (tag, inserted) in {
        **{name: (tag, b"") for name, tag in entry.items()},
        **{name: (entry["short"], inserted) for name, inserted in before.items()},
    }.items():
        file = BytesIO()
        exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0" + tag + bytes(4)
        synthetic((21, 13), 2).save(file, "JPEG", exif=exif)
        start, segment, rest = file.getvalue().partition(b"\xff\xe1")
        whole = start + inserted + segment + rest
        yield {
            "name": f"orientation-unusual-{name}",
            "file": np.frombuffer(whole, np.uint8),
            "expected": decode_photograph(whole, name).orientation,
        }


def xmp_of(form: str) -> dict[str, Any]:
    """What lets Pillow write XMP; of a PNG that is a text as any other."""
    if form != "PNG":
        return {"xmp": XMP}
    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", XMP.decode())
    return {"pnginfo": text}


def input_cases(protocols: list[Preprocessing]) -> Iterator[dict[str, Any]]:
    paths = sorted(evaluation_dir().glob("*/*.jpg"))
    photographs = [open_photograph(path).pixels for path in paths[:: len(paths) // PHOTOGRAPHS]]
    pictures = photographs + [synthetic(size, index) for index, size in enumerate(PICTURE_SIZES)]
    for index, picture in enumerate(pictures):
        for protocol in protocols:
            yield {
                "name": f"input-{index}-{protocol.image_size}-{protocol.resize}-{protocol.interpolation}",
                "preprocessing": to_json(protocol),
                "format": to_json(InputFormat.of(protocol)),
                "source": np.asarray(picture),
                "pixels": np.asarray(cut_square(picture, protocol)),
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


def interval_cases() -> Iterator[dict[str, Any]]:
    few = [(0, 0, 1), (1, 0, 1), (0, 1, 1)]
    for lost, gained, samples in [*few, (3, 2, 120), (50, 0, 50), (0, 50, 50), (210, 190, 50_000)]:
        yield {
            "lost": lost,
            "gained": gained,
            "samples": samples,
            "expected": paired_interval(lost, gained, samples),
        }


def tally_cases() -> Iterator[dict[str, Any]]:
    """Two models' logits for some images, many of them equal, and what `verify` counts."""
    generator = np.random.default_rng(4)
    for classes in (2, 10):
        logits = generator.integers(-3, 4, (2, 40, classes)).astype(np.float32)
        labels = generator.integers(0, classes, 40).tolist()
        counts, comparison = (Counts(), Counts()), Comparison()
        for reference, candidate, label in zip(*logits, labels, strict=True):
            right = [each.add(found, label) for each, found in zip(counts, (reference, candidate), strict=True)]
            comparison.add(reference, candidate)
            comparison.add_outcome(right[0], right[1])
        yield {
            "logits": logits.tolist(),
            "labels": labels,
            "top1": [each.top1 for each in counts],
            "top5": [each.top5 for each in counts],
            "same": comparison.same,
            "lost": comparison.lost,
            "gained": comparison.gained,
        }


def golden_cases() -> Iterator[dict[str, Any]]:
    """Golden logits and those found: as far apart as may be, and a little more."""
    generator = np.random.default_rng(5)
    golden = generator.normal(size=(2, 10)).astype(np.float32)
    least = LEAST_SQNR_DB[Precision.INT8]
    for decibels in (least - 0.1, least + 0.1, 60):
        noise = generator.normal(size=golden.shape)
        noise *= np.sqrt(np.square(golden).sum() / np.square(noise).sum()) * 10 ** (-decibels / 20)
        found = (golden + noise).astype(np.float32)
        difference, passed = compare_golden(partial(next, iter(found)), golden, golden, least)
        yield {
            "golden": golden.tolist(),
            "found": found.tolist(),
            "least_sqnr_db": least,
            "passed": passed,
            "max_difference": difference,
        }


def pairing_cases() -> Iterator[dict[str, Any]]:
    for case in json.loads(PAIRING.read_text(encoding="utf-8")):
        names = stated_names(case["names"])
        table = PairingTable.of(ModelClasses.of(case["outputs"], names, None))
        yield {**case, "names": names or placeholder_names(case["outputs"]), "table": to_json(table)}


def stated_names(names: Any) -> Sequence[str] | None:
    """The names of a model's classes that a case of tests/data/pairing.json states; None: it has none."""
    return IMAGENET_NAMES[names["imagenet"]] if isinstance(names, dict) else names


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
