"""Each kind of pixels, with the red, green and blue that they have to become."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from levit_edge.data.preprocess import Preprocessing, preprocess
from levit_edge.device.colours import to_rgb
from levit_edge.device.formats import FORMATS
from levit_edge.device.image import check_content, decode_photograph
from levit_edge.errors import DataError

WIDE = np.array([[0, 255, 256, 0x1234, 0x7FFF, 0x8000, 0xFEFF, 0xFFFF]], np.uint16)
HIGH = [[0, 0, 1, 0x12, 0x7F, 0x80, 0xFE, 0xFF]]


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def rgb(content: bytes) -> NDArray[np.uint8]:
    return np.asarray(decode_photograph(content, "x").pixels)


def assert_grey(content: bytes, expected: list[list[int]] | NDArray[np.uint16]) -> None:
    pixels = rgb(content)
    for channel in range(3):
        assert np.array_equal(pixels[..., channel], expected)


def deep_png(colour_type: int, samples: NDArray[np.uint16]) -> bytes:
    """A PNG of 16 bits a sample, (height, width, channels), which Pillow reads and does not write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, _ = samples.shape
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def deep_tiff(order: str, samples: NDArray[np.uint16], photometric: int = 1) -> bytes:
    """A grey TIFF of 16 bits in either order of bytes: header, one directory, the pixels."""
    height, width = samples.shape
    entries = [
        (256, 3, width),
        (257, 3, height),
        (258, 3, 16),
        (259, 3, 1),
        (262, 3, photometric),
        (273, 4, 8 + 2 + 9 * 12 + 4),
        (277, 3, 1),
        (278, 3, height),
        (279, 4, samples.size * 2),
    ]
    packed = b"".join(
        struct.pack(f"{order}HHI", tag, kind, 1) + struct.pack(f"{order}{'HH' if kind == 3 else 'I'}", *number)
        for tag, kind, value in entries
        for number in [(value, 0) if kind == 3 else (value,)]
    )
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    data = samples.astype(f"{order}u2").tobytes()
    return head + struct.pack(f"{order}H", len(entries)) + packed + bytes(4) + data


def test_the_high_byte_of_16_bit_grey_counts() -> None:
    assert_grey(saved(Image.fromarray(WIDE), "PNG"), HIGH)
    assert_grey(saved(Image.fromarray(WIDE), "TIFF"), HIGH)
    assert_grey(saved(Image.fromarray(WIDE), "TIFF", compression="tiff_lzw"), HIGH)
    for order in "<>":
        assert_grey(deep_tiff(order, WIDE), HIGH)


def test_8_bit_pixels_that_were_widened_come_back_exactly() -> None:
    narrow = np.arange(256, dtype=np.uint16)[np.newaxis]
    for factor in (256, 257):
        assert_grey(saved(Image.fromarray(narrow * factor), "PNG"), narrow)


def test_a_16_bit_tiff_in_which_white_is_zero_is_inverted() -> None:
    assert_grey(deep_tiff("<", WIDE, photometric=0), [[255, 255, 254, 0xED, 0x80, 0x7F, 1, 0]])


def test_16_bit_colours_and_alpha_are_their_high_bytes_too() -> None:
    wide = np.array([[[0x12FF, 0x80FE, 0xFFFF]]], np.uint16)
    assert rgb(deep_png(2, wide)).tolist() == [[[0x12, 0x80, 0xFF]]]
    assert rgb(deep_png(6, np.dstack([wide, wide[..., :1]]))).tolist() == [[[0x12, 0x80, 0xFF]]]
    assert rgb(deep_png(4, wide[..., :2])).tolist() == [[[0x12, 0x12, 0x12]]]
    assert rgb(deep_png(0, wide[..., 1:2])).tolist() == [[[0x80, 0x80, 0x80]]]


def test_12_bits_of_a_tiff_are_scaled_by_what_it_says_it_has() -> None:
    packed = bytes([0x12, 0x3F, 0xFF])  # 0x123 and 0xfff
    content = deep_tiff("<", np.zeros((1, 2), np.uint16)).replace(
        struct.pack("<HHIHH", 258, 3, 1, 16, 0), struct.pack("<HHIHH", 258, 3, 1, 12, 0)
    )
    assert_grey(content[:-4] + packed + b"\0", [[0x12, 0xFF]])


@pytest.mark.parametrize(
    ("dtype", "what"), [(np.float32, "floating-point numbers"), (np.int32, "32-bit or signed numbers")]
)
def test_pixels_whose_white_is_not_known_are_refused_before_they_are_decoded(dtype: type, what: str) -> None:
    content = saved(Image.fromarray(np.array([[0, 1, 70_000]], dtype)), "TIFF")
    for read in (decode_photograph, check_content):
        with pytest.raises(DataError, match=f"^x.tif: its pixels are {what}.* convert it to 8 or 16 bits"):
            read(content, "x.tif")
    with pytest.raises(DataError, match=what):
        to_rgb(Image.fromarray(np.array([[0, 1, 70_000]], dtype)))


def test_images_in_memory_are_converted_by_the_same_rule() -> None:
    same = Preprocessing(image_size=16, resize=16, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    found = preprocess(Image.fromarray(np.full((16, 16), 0x80FF, np.uint16)), same)
    assert found.min() == found.max() == np.float32(0x80 / 255)


def test_a_palette_is_looked_up_with_and_without_transparency() -> None:
    image = Image.new("P", (3, 1))
    image.putdata([0, 1, 2])
    image.putpalette([10, 20, 30, 200, 100, 50, 1, 2, 3])
    expected = [[[10, 20, 30], [200, 100, 50], [1, 2, 3]]]
    assert rgb(saved(image, "PNG")).tolist() == expected
    assert rgb(saved(image, "PNG", transparency=1)).tolist() == expected
    assert rgb(saved(image, "PNG", transparency=bytes([0, 128, 255]))).tolist() == expected
    assert rgb(saved(image, "GIF", transparency=1)).tolist() == expected
    assert rgb(saved(image, "BMP")).tolist() == expected


def test_transparency_is_dropped_and_the_colours_below_it_stay() -> None:
    colours = Image.new("RGBA", (2, 1))
    colours.putdata([(10, 20, 30, 0), (40, 50, 60, 255)])
    for form in ("PNG", "TIFF"):
        assert rgb(saved(colours, form)).tolist() == [[[10, 20, 30], [40, 50, 60]]]
    grey = Image.new("LA", (2, 1))
    grey.putdata([(70, 0), (80, 255)])
    assert_grey(saved(grey, "PNG"), [[70, 80]])


def test_one_bit_is_black_and_white() -> None:
    image = Image.new("1", (3, 1))
    image.putdata([0, 255, 0])
    for form in ("PNG", "TIFF", "BMP"):
        assert_grey(saved(image, form), [[0, 255, 0]])


def test_cmyk_is_mixed_and_adobes_inverted_jpeg_is_the_same_picture() -> None:
    ink = Image.new("CMYK", (16, 16), (255, 0, 0, 0))  # cyan
    assert rgb(saved(ink, "TIFF"))[0, 0].tolist() == [0, 255, 255]
    inverted = saved(ink, "JPEG", quality=100)
    assert b"Adobe" in inverted
    assert np.abs(rgb(inverted)[8, 8].astype(int) - [0, 255, 255]).max() <= 2
    dark = Image.new("CMYK", (2, 2), (0, 128, 255, 51))
    assert rgb(saved(dark, "TIFF"))[0, 0].tolist() == [204, 102, 0]


def test_an_avif_is_read_where_pillow_can() -> None:
    image = Image.new("RGB", (32, 32), (200, 100, 50))
    if "AVIF" not in FORMATS:
        pytest.skip("this Pillow has no AVIF")
    content = saved(image, "AVIF", quality=100)
    assert np.abs(rgb(content)[16, 16].astype(int) - [200, 100, 50]).max() <= 3
