import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from levit_edge.data.preprocess import Preprocessing
from levit_edge.model.config import CONFIGS
from levit_edge.report.thumbnail import SIDE, make_thumbnail, thumbnail_fault

SECRET = b"Taken at home, 52.5 N 13.4 E"


@pytest.fixture
def thumbnail(tmp_path: Path) -> bytes:
    image = Image.effect_noise((300, 200), 60).convert("RGB")
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    image.save(tmp_path / "photo.jpg", exif=exif, comment=SECRET, icc_profile=SECRET)
    text = make_thumbnail(tmp_path / "photo.jpg", Preprocessing.from_config(CONFIGS["demo"]))
    return base64.b64decode(text)


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_it_is_a_small_jpeg_of_the_pixels_alone(thumbnail: bytes) -> None:
    assert thumbnail_fault(encoded(thumbnail)) == ""
    with Image.open(io.BytesIO(thumbnail)) as image:
        assert (image.format, image.size) == ("JPEG", (SIDE, SIDE))
        assert not image.getexif()
        assert not {"comment", "icc_profile", "exif"} & set(image.info)
    assert b"52.5 N" not in thumbnail


def picture(size: tuple[int, int], kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"<svg onload='alert(1)'>", "is not a JPEG"),
        (picture((SIDE, SIDE), "PNG"), "is not a JPEG"),
        (picture((SIDE + 1, SIDE), "JPEG"), "113 × 112 pixels"),
        (picture((SIDE, SIDE), "JPEG") + b"<script>", "something behind the picture"),
        (picture((SIDE, SIDE), "JPEG")[:300], "is not a JPEG"),
        (bytes(20_000), "more than"),
    ],
    ids=["svg", "png", "size", "appended", "truncated", "large"],
)
def test_anything_else_is_told_apart(data: bytes, fault: str) -> None:
    assert fault in thumbnail_fault(encoded(data))


def test_what_is_not_base64_is_told_apart(thumbnail: bytes) -> None:
    assert thumbnail_fault(f'{encoded(thumbnail)}" onerror="alert(1)') == "is not base64"
