"""Images where they lie: the same bytes and pixels in a file, a tar file and a parquet file, here and in workers."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from levit_edge import demo
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.loader import Decoder, check_headers
from levit_edge.data.locations import Location, Row, Span, check_header_at, pack, read_bytes, unpack
from levit_edge.data.options import ImageOptions
from levit_edge.data.preprocess import Preprocessing
from levit_edge.data.sampling import digest
from levit_edge.data.sources.open import open_source
from levit_edge.errors import DataError
from tests.data.sources.made_up import write_tar

SMALL = Preprocessing(image_size=32, resize=36, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
Place = Callable[[Path], list[Location]]
PHOTOGRAPHS = {path.name: path.read_bytes() for path in sorted(demo.evaluation_dir().glob("*/*.jpg"))[:6]}


def in_files(folder: Path) -> list[Location]:
    for name, content in PHOTOGRAPHS.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in PHOTOGRAPHS]


def in_tar(folder: Path) -> list[Location]:
    return [*open_source(write_tar(folder / "x.tar", PHOTOGRAPHS)).images]


def in_parquet(folder: Path) -> list[Location]:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow.parquet import write_table

    rows = [{"bytes": content, "path": name} for name, content in PHOTOGRAPHS.items()]
    write_table(pyarrow.table({"image": rows}), folder / "x.parquet", row_group_size=4)
    return [*open_source(folder / "x.parquet").images]


def image_set(folder: Path, images: list[Location]) -> ImageSet:
    names = tuple(PHOTOGRAPHS)
    return ImageSet(root=folder, images=tuple(images), labels=None, names=names)


@pytest.mark.parametrize("place", [in_tar, in_parquet])
def test_pixels_and_digests_are_those_of_files(tmp_path: Path, place: Place) -> None:
    files, images = in_files(tmp_path), place(tmp_path)
    assert digest(image_set(tmp_path, images)) == digest(image_set(tmp_path, files))
    for workers in (0, 2):
        pixels = []
        for each in (files, images):
            with Decoder(each, SMALL, ImageOptions(workers=workers)) as decoder:
                pixels.append(np.stack([image for _, image in decoder]))
        assert np.array_equal(pixels[0], pixels[1])


@pytest.mark.parametrize("place", [in_files, in_tar, in_parquet])
def test_locations_survive_json(tmp_path: Path, place: Place) -> None:
    for image in place(tmp_path):
        assert unpack(json.loads(json.dumps(pack(image)))) == image
        assert Path(str(image).rpartition(": ")[2]).name in PHOTOGRAPHS


@pytest.mark.parametrize("workers", [0, 1])
def test_images_that_cannot_be_read_are_named(tmp_path: Path, workers: int) -> None:
    images = in_tar(tmp_path)
    good = next(iter(PHOTOGRAPHS.values()))
    damaged = write_tar(tmp_path / "y.tar", {"1.jpg": b"no image", "2.jpg": b"", "3.jpg": good})
    bad = [*open_source(damaged).images]
    with Decoder([*images, *bad], SMALL, ImageOptions(workers=workers, skip_bad_images=True)) as decoder:
        assert len([*decoder]) == len(images) + 1
        reasons = [f"{each.path}: {each.reason}" for each in decoder.bad]
    assert reasons[0].startswith(f"{damaged}: 1.jpg: not an image in a known format")
    assert reasons[1:] == [f"{damaged}: 2.jpg: an empty file"]
    with pytest.raises(DataError, match=r"2 of 3 images cannot be read(.|\n)*y.tar: 1.jpg: not an image"):
        check_headers(bad, lambda _count: None)


def test_headers_are_checked_without_the_rest(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
    photograph = buffer.getvalue()
    comment = b"\xff\xfe\xff\xf0" + b"x" * 0xFFEE
    long = photograph[:2] + comment * 2 + photograph[2:]  # the size comes after 128 KB
    files = {"1.jpg": photograph, "2.jpg": long, "3.jpg": b"\xff\xd8" + comment * 2}
    good, longer, bad = open_source(write_tar(tmp_path / "x.tar", files)).images
    check_header_at(good)
    check_header_at(longer)
    with pytest.raises(DataError, match=r"x\.tar: 3\.jpg: "):
        check_header_at(bad)


def test_an_archive_that_has_changed_is_noticed(tmp_path: Path) -> None:
    image = in_tar(tmp_path)[-1]
    with (tmp_path / "x.tar").open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(DataError, match=r"x.tar: .*\.jpg: the tar file ends within it"):
        read_bytes(image)
    (tmp_path / "x.tar").unlink()
    with pytest.raises(DataError, match=r"\.jpg: it does not exist"):
        check_header_at(image)
    row = Row(tmp_path / "x.parquet", 0, 9, "image.bytes", "nine")
    with pytest.raises(DataError, match=r"x.parquet: it does not exist$"):
        read_bytes(row)
    in_parquet(tmp_path)
    with pytest.raises(DataError, match=r"x.parquet: nine: no such row"):
        read_bytes(row)


def test_absurd_sizes_are_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(b"")
    with pytest.raises(DataError, match=r"1.jpg: 1,099,511,627,776 bytes, expected an image of at most"):
        read_bytes(Span(tmp_path / "x.tar", 0, 2**40, "1.jpg"))
