"""EXIF's eight orientations, in each format that can say one."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from levit_edge.device.formats import FORMATS
from levit_edge.device.image import check_content, decode_photograph, open_photograph

STORED = np.array([[1, 2, 3], [4, 5, 6]], np.uint8) * 40
UPRIGHT = {
    1: STORED,
    2: STORED[:, ::-1],
    3: STORED[::-1, ::-1],
    4: STORED[::-1],
    5: STORED.T,
    6: np.rot90(STORED, -1),
    7: np.rot90(STORED, 2).T,
    8: np.rot90(STORED),
}
"""By CIPA DC-008: 6, for instance, has its first row at the right and its first column at the top."""


def saved(form: str, orientation: int, size: int = 1, **options: Any) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = np.kron(STORED, np.ones((size, size), np.uint8))
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert("RGB").save(buffer, form, exif=exif, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_a_photograph_is_turned_as_exif_says_and_otherwise_as_stored(tmp_path: Path, orientation: int) -> None:
    content = saved("PNG", orientation)
    (tmp_path / "x").write_bytes(content)
    for photograph in (decode_photograph(content, "x"), open_photograph(tmp_path / "x")):
        assert photograph.orientation == orientation
        assert np.array_equal(np.asarray(photograph.pixels)[..., 0], STORED)
        assert np.array_equal(np.asarray(photograph.upright)[..., 0], UPRIGHT[orientation])
    assert decode_photograph(content, "x").pixels.size == (3, 2)
    assert check_content(content, "x") == (3, 2)


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "AVIF"])
def test_all_formats_of_cameras_can_say_it(form: str) -> None:
    if form not in FORMATS:
        pytest.skip(f"this Pillow has no {form}")
    photograph = decode_photograph(saved(form, 6, size=16, quality=95), "x")
    assert photograph.orientation == 6
    assert photograph.pixels.size == (48, 32)
    upright = np.asarray(photograph.upright)[8::16, 8::16, 0].astype(int)
    assert np.abs(upright - UPRIGHT[6]).max() <= 8


@pytest.mark.parametrize(("form", "orientation"), [("WEBP", 6), ("AVIF", 1)])
def test_an_avif_says_it_by_its_own_properties_and_not_by_exif(form: str, orientation: int) -> None:
    if form not in FORMATS:
        pytest.skip(f"this Pillow has no {form}")
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[0x0100] = 6  # the width: Pillow would make properties of an orientation
    Image.new("RGB", (64, 48)).save(buffer, form, exif=exif)
    wide, turned = b"\x01\x00\x00\x04\x00\x00\x00\x01", b"\x01\x12\x00\x04\x00\x00\x00\x01"
    assert wide in buffer.getvalue()
    assert decode_photograph(buffer.getvalue().replace(wide, turned), "x").orientation == orientation


XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description tiff:Orientation="6" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"/></rdf:RDF></x:xmpmeta>"""


@pytest.mark.parametrize("form", ["JPEG", "WEBP", "PNG"])
@pytest.mark.parametrize("in_exif", [None, 3])
def test_what_xmp_says_turns_nothing(form: str, in_exif: int | None) -> None:
    """As in the Android app; Pillow's `getexif` takes it where EXIF says nothing."""
    exif, text, buffer = Image.Exif(), PngInfo(), io.BytesIO()
    exif[0x010F] = "levit-edge"
    if in_exif is not None:
        exif[0x0112] = in_exif
    text.add_itxt("XML:com.adobe.xmp", XMP.decode())
    Image.new("RGB", (48, 32)).save(buffer, form, exif=exif, **({"pnginfo": text} if form == "PNG" else {"xmp": XMP}))
    with Image.open(buffer) as image:
        image.load()
        assert image.getexif()[0x0112] == (in_exif or 6)  # it is there
    assert decode_photograph(buffer.getvalue(), "x").orientation == (in_exif or 1)


def test_what_imagemagick_writes_as_text_turns_nothing() -> None:
    text, buffer = PngInfo(), io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    text.add_text("Raw profile type exif", f"\nexif\n{len(exif.tobytes()):8}\n{exif.tobytes().hex()}\n")
    Image.new("RGB", (48, 32)).save(buffer, "PNG", pnginfo=text)
    assert decode_photograph(buffer.getvalue(), "x").orientation == 1


@pytest.mark.parametrize("said", [0, 9, 300])
def test_orientations_that_there_are_not_turn_nothing(said: int) -> None:
    assert decode_photograph(saved("PNG", said), "x").orientation == 1


def test_damaged_metadata_turn_nothing_and_refuse_nothing() -> None:
    content = saved("JPEG", 6, size=16)
    at = content.index(b"Exif\0\0")
    for damage in (b"\xff" * 8, b"MM\0*\xff\xff\xff\xff", b"II*\0\x08\0\0\0\xff\xff"):
        damaged = content[: at + 6] + damage + content[at + 6 + len(damage) :]
        photograph = decode_photograph(damaged, "x")
        assert photograph.orientation == 1
        assert photograph.pixels.size == (48, 32)


def test_a_tiffs_own_orientation_is_part_of_its_format() -> None:
    buffer = io.BytesIO()
    Image.fromarray(STORED).convert("RGB").save(buffer, "TIFF", tiffinfo={0x0112: 6})
    photograph = decode_photograph(buffer.getvalue(), "x")
    assert photograph.orientation == 1
    assert np.array_equal(np.asarray(photograph.pixels)[..., 0], UPRIGHT[6])
