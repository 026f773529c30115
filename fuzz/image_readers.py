"""Photographs."""

import io
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from fuzz.mutate_bytes import BYTES
from fuzz.reader import Reader, written
from levit_edge import demo
from levit_edge.data.preprocess import Preprocessing
from levit_edge.device.formats import FORMATS
from levit_edge.device.image import crop_square, open_photograph
from levit_edge.device.orientation import ORIENTATION

__all__ = ["IMAGE_READERS"]


def _seeds() -> list[bytes]:
    """Small photographs in all formats and many modes."""
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (40, 48, 3), np.uint8)
    rgb = Image.fromarray(pixels)
    photograph = Image.open(next(iter(sorted(demo.evaluation_dir().glob("*/*.jpg"))))).resize((64, 48))
    lying = Image.Exif()
    lying[ORIENTATION] = 6
    forms: list[tuple[str, Image.Image, dict[str, Any]]] = [
        ("JPEG", photograph, {}),
        ("JPEG", photograph, {"progressive": True, "quality": 30}),
        ("JPEG", rgb.convert("CMYK"), {}),
        ("PNG", rgb, {}),
        ("PNG", rgb.convert("P"), {}),
        ("PNG", rgb.convert("LA"), {}),
        ("PNG", Image.fromarray(pixels[..., 0].astype(np.uint16) << 8), {}),
        ("GIF", rgb.convert("P"), {"save_all": True, "append_images": [photograph.convert("P")]}),
        ("BMP", rgb, {}),
        ("BMP", rgb.convert("1"), {}),
        ("WEBP", photograph, {}),
        ("WEBP", rgb, {"lossless": True}),
        ("TIFF", rgb, {}),
        ("JPEG", photograph, {"exif": lying}),
        *([("AVIF", photograph, {"exif": lying, "max_threads": 1})] if "AVIF" in FORMATS else []),
        *(("TIFF", rgb, {"compression": each}) for each in ("tiff_lzw", "tiff_deflate", "packbits", "jpeg")),
    ]
    seeds = []
    for form, picture, options in forms:
        buffer = io.BytesIO()
        picture.save(buffer, form, **options)
        seeds.append(buffer.getvalue())
    return seeds


def _chunk_with_sum(chance: Random, data: bytes, all_seeds: Sequence[bytes]) -> bytes:
    """A PNG's chunk changed, and its checksum right."""
    import zlib

    if not data.startswith(b"\x89PNG"):
        return chance.choice(BYTES)(chance, data, all_seeds)
    at, chunks = 8, []
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    if not chunks:
        return data
    index = chance.randrange(len(chunks))
    kind, content = chunks[index]
    chunks[index] = (
        chance.choice((kind, kind, kind, b"tRNS", b"PLTE", b"acTL")),
        chance.choice(BYTES)(chance, content, [content]),
    )
    return data[:8] + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )


def image(_bundle: Path) -> Reader:
    """Photographs of all kinds; no worker process, as it is Pillow that reads."""
    protocol = Preprocessing(image_size=32, resize=36, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))

    def read(data: bytes, folder: Path) -> None:
        photograph = open_photograph(written(folder, "image", data))
        crop_square(photograph.upright, protocol.resize, protocol.image_size)

    return Reader(name="image", seeds=_seeds(), mutations=(*[_chunk_with_sum] * 3, *BYTES), read=read)


IMAGE_READERS: dict[str, Callable[[Path], Reader]] = {
    "image": image,
}
