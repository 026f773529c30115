import contextlib
import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from levit_edge.device.image import MAX_PIXELS, crop_square, decode_photograph, open_photograph
from levit_edge.errors import DataError


def jpeg(size: tuple[int, int] = (64, 48)) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def png_of_claimed_size(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header claims any size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "an empty file"),
        (b"hello, I am no photograph", "not an image in a known format"),
        (jpeg()[:400], "Truncated"),
        (jpeg()[:-200], "truncated"),
        (png_of_claimed_size(64, 64), "truncated"),
        (png_of_claimed_size(30_000, 30_000), "exceeds limit"),
        (png_of_claimed_size(12_300, 12_300), "are more than 150,000,000"),
        (POSTSCRIPT, "not an image in a known format .* but PostScript"),
        (
            b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99),
            "known format .* but HEIC: .* by heif-convert",
        ),
        (
            b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf" + bytes(99),
            "known format .* but HEIC: .* by heif-convert",
        ),
        (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(99), "known format .* but JPEG 2000: convert it"),
    ],
    ids=[
        "empty",
        "text",
        "truncated",
        "almost whole",
        "no pixels",
        "bomb",
        "large",
        "postscript",
        "HEIC",
        "mif1",
        "JP2",
    ],
)
def test_bad_files_are_named_with_the_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(content)
    with pytest.raises(DataError, match=reason) as caught:
        open_photograph(path)
    assert str(caught.value).startswith(f"{path}: ")
    with pytest.raises(DataError) as of_the_bytes:
        decode_photograph(content, str(path))
    assert str(of_the_bytes.value) == str(caught.value)


def test_a_folder_called_like_an_image_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").mkdir()
    with pytest.raises(DataError, match=r"x\.jpg: a folder"):
        open_photograph(tmp_path / "x.jpg")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"x\.jpg: it does not exist"):
        open_photograph(tmp_path / "x.jpg")


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.jpg")
    with pytest.raises(DataError, match="not a regular file"):
        open_photograph(tmp_path / "x.jpg")


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"])
def test_every_8_bit_mode_becomes_rgb_as_pillow_converts_it(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("x.tiff" if mode in {"CMYK", "YCbCr", "PA"} else "x.png")
    Image.new(mode, (40, 30), 1).save(path)
    with Image.open(path) as reopened:
        expected = reopened.convert("RGB")
    for image in (open_photograph(path).pixels, decode_photograph(path.read_bytes(), "x").pixels):
        assert np.array_equal(np.asarray(image), np.asarray(expected))


def test_content_and_not_the_name_decides(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(jpeg())
    assert open_photograph(path).pixels.size == (64, 48)


def test_remarks_of_the_decoder_are_no_warnings(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    image = Image.new("P", (40, 30))
    image.info["transparency"] = bytes(range(256))  # Pillow warns on converting this to RGB
    image.putpalette(bytes(768))
    image.save(tmp_path / "x.png", transparency=bytes(range(256)))
    open_photograph(tmp_path / "x.png")
    assert not recwarn.list


PHOTOGRAPH = jpeg()


@given(place=st.integers(0, len(PHOTOGRAPH) - 1), value=st.integers(0, 255), end=st.integers(0, len(PHOTOGRAPH)))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_photograph_is_read_or_refused(tmp_path: Path, place: int, value: int, end: int) -> None:
    path = tmp_path / "x.jpg"
    path.write_bytes(bytes([*PHOTOGRAPH[:place], value, *PHOTOGRAPH[place + 1 :]])[: max(end, place)])
    with contextlib.suppress(DataError):
        assert open_photograph(path).pixels.mode == "RGB"


@given(width=st.integers(1, 300), height=st.integers(1, 300), size=st.integers(16, 64), margin=st.integers(0, 40))
@settings(deadline=None)
def test_the_crop_lies_where_torchvision_puts_it(width: int, height: int, size: int, margin: int) -> None:
    resize = size + margin
    image = Image.new("RGB", (width, height))
    image.putdata([(x % 256, y % 256, 0) for y in range(height) for x in range(width)])
    long = int(resize * max(width, height) / min(width, height))
    expected = image.resize((resize, long) if width <= height else (long, resize), Image.Resampling.BICUBIC)
    left, top = round((expected.width - size) / 2.0), round((expected.height - size) / 2.0)
    result = crop_square(image, resize, size)
    assert np.array_equal(np.asarray(result), np.asarray(expected)[top : top + size, left : left + size])


def test_a_ribbon_is_refused_before_it_is_resized() -> None:
    width = MAX_PIXELS // 256 // 256 + 1
    with pytest.raises(DataError, match="too elongated"):
        crop_square(Image.new("RGB", (width, 1)), 256, 224)
