import bz2
import contextlib
import gc
import gzip
import io
import lzma
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from levit_edge.data.image_set import calibration_images
from levit_edge.data.locations import MOST_IMAGE_BYTES
from levit_edge.errors import DataError
from levit_edge.sweep.inputs.shard_reader import Content, IndexedImage, entries, read_content
from levit_edge.sweep.inputs.sources import list_shards
from tests.data.sources.made_up import jpeg
from tests.sweep.places import put_in_memory, tar

MEMBERS = {"a/1.jpg": b"one" * 300, "a/1.cls": b"3", "b/2.png": b"\0" * 512, "b/2.json": b'{"label": 1}', "3.GIF": b"3"}
COMPRESSORS: tuple[Callable[[bytes], bytes], ...] = (gzip.compress, bz2.compress, lzma.compress)
NAMES = ["a/1.jpg", "b/2.png", "3.GIF"]


class Image(NamedTuple):
    """An image of a tar file, and what it holds."""

    image: IndexedImage
    content: bytes


def entry(name: str, label: int | None, content: bytes) -> Image:
    return Image(IndexedImage(name=name, folder=None, label=label, sha256=sha256(content).hexdigest()), content)


def read(content: bytes) -> list[Image]:
    """All images of a tar file with this content."""
    (shard,) = list_shards(f"{put_in_memory({'x.tar': content})}/x.tar", 1).shards
    images = read_content(shard, lambda _entry: None).images
    found = [*entries(shard, frozenset(image.name for image in images))]
    assert [(each.name, each.sha256) for each in found] == [(image.name, image.sha256) for image in images]
    return [Image(image, each.content) for image, each in zip(images, found, strict=True)]


def content_of(content: bytes) -> Content:
    (shard,) = list_shards(f"{put_in_memory({'x.tar': content})}/x.tar", 1).shards
    return read_content(shard, lambda _entry: None)


def test_a_sample_is_its_image_and_its_label() -> None:
    assert read(tar(MEMBERS)) == [
        entry("a/1.jpg", 3, b"one" * 300),
        entry("b/2.png", 1, b"\0" * 512),
        entry("3.GIF", None, b"3"),
    ]


def by_gnu_tar(folder: Path) -> bytes:
    return subprocess.run(["tar", "--sort=name", "-C", folder, "-c", "."], check=True, capture_output=True).stdout


def by_python(folder: Path) -> bytes:
    return tar({f"./{path.relative_to(folder)}": path.read_bytes() for path in sorted(folder.rglob("*.*"))})


def by_webdataset(folder: Path) -> bytes:
    from webdataset import TarWriter

    buffer = io.BytesIO()
    with TarWriter(buffer) as writer:
        for path in sorted(folder.rglob("*.jpg")):
            label = int(path.with_suffix(".cls").read_text())
            writer.write({"__key__": path.stem, "jpg": path.read_bytes(), "cls": label})
    return buffer.getvalue()


@pytest.mark.parametrize("writer", [by_gnu_tar, by_python, by_webdataset])
def test_a_cut_between_two_members_is_told(tmp_path: Path, writer: Callable[[Path], bytes]) -> None:
    for number in range(4):
        (tmp_path / f"{number}.jpg").write_bytes(bytes(700 * number + 1))
        (tmp_path / f"{number}.cls").write_text(str(number))
    content = writer(tmp_path)
    assert {(entry.image.label, len(entry.content)) for entry in read(content)} == {(n, 700 * n + 1) for n in range(4)}
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        starts = [member.offset for member in archive]
    for start in starts[1:]:
        with pytest.raises(DataError, match=r"^x\.tar: truncated: it ends without the end-of-archive block"):
            read(content[:start])


@given(data=st.data(), format=st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]))
@settings(deadline=None)
def test_any_cut_is_refused_or_leaves_all_images(data: st.DataObject, format: int) -> None:  # noqa: A002
    long = {f"{'long/' * 30}{index}.jpg": bytes([index]) * (300 * index) for index in range(4)} if format else {}
    whole = tar({**MEMBERS, **long}, format=format)
    cut = whole[: data.draw(st.integers(0, len(whole)))]
    compress = data.draw(st.sampled_from((bytes, *COMPRESSORS)))
    try:
        found = read(compress(cut))
    except DataError:
        return
    assert found == read(whole)


@given(data=st.data(), compress=st.sampled_from(COMPRESSORS))
@settings(deadline=None)
def test_any_damage_of_a_compressed_file_is_refused(data: st.DataObject, compress: Callable[[bytes], bytes]) -> None:
    whole = bytearray(compress(tar(MEMBERS)))
    if data.draw(st.booleans()):
        del whole[data.draw(st.integers(0, len(whole) - 1)) :]
    else:  # not in the head, of which gzip checks little: the time of writing, for instance
        whole[data.draw(st.integers(10, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        found = read(bytes(whole))
    except DataError:
        return
    assert found == read(tar(MEMBERS))


@given(changes=st.lists(st.tuples(st.integers(0, 10239), st.integers(0, 255)), min_size=1, max_size=20))
@settings(deadline=None)
def test_any_damage_is_read_or_refused(changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(tar(MEMBERS))
    for place, value in changes:
        damaged[place] = value
    with contextlib.suppress(DataError):
        assert len(read(bytes(damaged))) == len(NAMES)


def test_zeros_over_a_header_are_not_the_end() -> None:
    content = bytearray(tar(MEMBERS))
    content[3584:4096] = bytes(512)  # that of b/2.json
    with pytest.raises(
        DataError, match=r"^x\.tar: damaged: there is data behind the end of the archive, after 2 of its images"
    ):
        read(bytes(content))


@pytest.mark.parametrize("compress", COMPRESSORS)
def test_compressed_files_are_read(compress: Callable[[bytes], bytes]) -> None:
    assert [entry.image.name for entry in read(compress(tar(MEMBERS)))] == NAMES


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"1.cls": b"1"}, "there are no images in it"),
        ({"1.jpg": b"1", "1.png": b"1", "1.cls": b"1"}, "1: several images, expected one for each sample"),
        ({"1.jpg": b"1", "2.cls": b"2", "1.JPG": b"1", "1.cls": b"1"}, "1: several images, expected one"),
        ({"n01440764.tar": b"1"}, r"tar files of classes \(n01440764.tar\), which are read from a local file"),
        ({"1.jpg": b"1", "1.cls": b"-1"}, r"1: its \.cls holds b'-1', expected the number of a class"),
        ({"1.jpg": b"1", "1.cls": b"cat"}, r"b'cat'"),
        ({"1.jpg": b"1", "1.cls": b""}, r"b''"),
        ({"1.jpg": b"1", "1.json": b"{"}, r"1\.json is not JSON"),
        ({"1.jpg": b"1", "1.json": b'{"label": "3"}'}, r"1: its \.json has the label '3'"),
        ({"1.jpg": b"1", "1.json": b'{"cls": true}'}, "label 'True'"),
        ({"1.jpg": b"1", "1.json": b'{"cls": -1}'}, "label '-1'"),
        ({"1.jpg": b"1", "1.json": bytes(2**20 + 1)}, "1.json: 1,048,577 bytes, expected a label"),
        ({}, "there are no images in it"),
    ],
)
def test_samples_that_are_not_sound_are_named(members: dict[str, bytes], message: str) -> None:
    with pytest.raises(DataError, match=rf"^x\.tar: .*{message}"):
        read(tar(members))


def test_a_label_beside_other_json_is_taken() -> None:
    members = {"1.jpg": b"1", "1.json": b'{"label": 5, "cls": 6}', "1.cls": b" 7\n", "1.txt": b"x"}
    assert [entry.image.label for entry in read(tar(members))] == [7]
    assert [entry.image.label for entry in read(tar({"1.jpg": b"1", "1.json": b'{"caption": "x"}'}))] == [None]


def test_what_is_hidden_or_webdatasets_own_is_passed_over() -> None:
    members = {"./.x/1.jpg": b"0", "a/._1.jpg": b"0", "__index__/1.jpg": b"0", "__meta__": b"0", "./a/1.jpg": b"1"}
    labelled = members | {"a/1.cls": b"4", "__index__/1.cls": b"x"}
    assert read(tar(labelled)) == [entry("a/1.jpg", 4, b"1")]
    assert [each.image.name for each in read(tar(members))] == ["__index__/1.jpg", "a/1.jpg"]  # without labels a folder


ELSEWHERE = [
    {"1.jpg": b"1", "2.jpg": b"2", "2.cls": b"7", "1.cls": b"5"},
    {"1.cls": b"5", "2.json": b'{"label": 7}', "1.jpg": b"1", "2.jpg": b"2"},
    {"1.cls": b"5", "1.json": b"{", "3.json": b"{", "1.jpg": b"1", "2.jpg": b"2", "2.cls": b"7", "9.cls": b"x"},
    {"1.jpg": b"1", "1.seg.png": b"x", "2.seg.png": b"x", "1.cls": b"5", "2.jpg": b"2", "2.cls": b"7"},
    {"1.jpg": b"1", "1.cls": b"5", "2.jpg": b"2", "2.cls": b"7", "notes.heic": b"", "all.txt": b""},
    {"__meta__/1.jpg": b"0", "__meta__/1.cls": b"9", "1.jpg": b"1", "1.cls": b"5", "2.jpg": b"2", "2.cls": b"7"},
]
"""Two images, 5 and 7, whose labels are not beside them or not alone."""


@pytest.mark.parametrize("members", ELSEWHERE)
def test_the_files_of_a_sample_may_be_anywhere_as_for_verify(members: dict[str, bytes], tmp_path: Path) -> None:
    found = read(tar(members))
    assert [(each.image.name, each.image.label, each.content) for each in found] == [
        ("1.jpg", 5, b"1"),
        ("2.jpg", 7, b"2"),
    ]
    (tmp_path / "x.tar").write_bytes(tar(members))
    alike = calibration_images(tmp_path / "x.tar")
    assert alike.relative_paths == ("1.jpg", "2.jpg")
    assert alike.labels == (0, 1)


def test_images_without_labels_may_share_a_name() -> None:
    members = {"1.jpg": b"1", "2.jpg": b"2", "1.png": b"3", "3.old.JPG": b"4"}
    assert [(each.image.name, each.image.label) for each in read(tar(members))] == [(name, None) for name in members]


def test_images_without_an_ending_are_told_by_their_beginning() -> None:
    assert [each.image.name for each in read(tar({"1": jpeg(1), "1.cls": b"1", "README": b"x"}))] == ["1"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_passed_over_and_counted(kind: bytes) -> None:
    link = tarfile.TarInfo("1.jpg")
    link.type, link.linkname = kind, "/etc/passwd"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(link)
        archive.addfile(tarfile.TarInfo("2.jpg"), io.BytesIO())
    found = content_of(buffer.getvalue())
    assert ([each.name for each in found.images], found.passed_over) == (["2.jpg"], {"link or device": 1})


def test_sparse_files_are_passed_over(tmp_path: Path) -> None:
    """What a hostile one claims of its holes, tarfile would look for behind any number of bytes."""
    with (tmp_path / "1.jpg").open("wb") as file:
        file.truncate(2**20)
    (tmp_path / "2.jpg").write_bytes(b"2")
    command: list[str | Path] = ["tar", "-C", tmp_path, "-S", "-c", "1.jpg", "2.jpg"]
    found = content_of(subprocess.run(command, check=True, capture_output=True).stdout)
    assert ([each.name for each in found.images], found.passed_over) == (["2.jpg"], {"link or device": 1})


def header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    member = tarfile.TarInfo(name)
    member.size, member.type = size, kind
    return member.tobuf(tarfile.GNU_FORMAT)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_headers_that_claim_much_are_refused_before_they_are_read(kind: bytes) -> None:
    with pytest.raises(DataError, match="damaged: a header of 8,589,934,592 bytes"):
        read(header("x", 2**33, kind) + bytes(1024))


def test_a_member_without_end_is_refused_before_its_end_is_sought() -> None:
    with pytest.raises(DataError, match=r"damaged: 1\.txt ends behind 1,099,511,627,776 bytes"):
        read(header("1.txt", 2**80) + bytes(1024))


def test_large_images_are_refused_before_they_are_read() -> None:
    with pytest.raises(DataError, match=r"1\.jpg has 268,435,457 bytes, at most 268,435,456 are read"):
        read(header("1.jpg", MOST_IMAGE_BYTES + 1) + bytes(1024))


def test_large_files_are_refused(tmp_path: Path) -> None:
    with (tmp_path / "1.jpg").open("wb") as file:
        file.truncate(MOST_IMAGE_BYTES + 1)
    (shard,) = list_shards(str(tmp_path), 1).shards
    with pytest.raises(DataError, match=r"1\.jpg: more than 268,435,456 bytes"):
        list(entries(shard))


def test_pipes_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "1.jpg")
    (shard,) = list_shards(str(tmp_path), 1).shards
    with pytest.raises(DataError, match=r"1\.jpg: not a regular file"):
        list(entries(shard))


def test_something_else_than_a_tar_file_is_refused() -> None:
    for content in (b"", b"<html>" * 500, b"\x1f\x8b\x08" + bytes(600), bytes(10240)):
        with pytest.raises(DataError, match=r"^x\.tar: "):
            read(content)


def test_only_the_images_asked_for_are_given() -> None:
    (shard,) = list_shards(f"{put_in_memory({'x.tar': tar(MEMBERS)})}/x.tar", 1).shards
    assert [entry.name for entry in entries(shard, only={"3.GIF", "nowhere"})] == ["3.GIF"]


PEAK = """
import sys, tracemalloc
import webdataset.tariterators
from levit_edge.sweep.inputs.shard_reader import entries
from levit_edge.sweep.inputs.sources import list_shards
(shard,) = list_shards(sys.argv[1], 1).shards
tracemalloc.start()
count = sum(1 for _ in entries(shard))
print(count, tracemalloc.get_traced_memory()[1])
"""


def test_headers_are_not_kept() -> None:
    (shard,) = list_shards(f"{put_in_memory({'x.tar': tar({f'{n}.jpg': b'1' for n in range(300)})})}/x.tar", 1).shards
    reading = entries(shard)
    for _ in range(250):
        next(reading)
    assert sum(issubclass(type(each), tarfile.TarInfo) for each in gc.get_objects()) < 50


@pytest.mark.release
@pytest.mark.parametrize(("place", "images"), [("local", 800), ("s3", 400)])
def test_memory_does_not_grow_with_the_shard(
    request: pytest.FixtureRequest, tmp_path: Path, place: str, images: int
) -> None:
    path = tmp_path / "val" / "x.tar"
    path.parent.mkdir()
    with tarfile.open(path, "w") as archive:
        for number in range(images):
            member = tarfile.TarInfo(f"{number}.jpg")
            member.size = 100_000
            archive.addfile(member, io.BytesIO(number.to_bytes(4) * 25_000))
    folder = str(path.parent) if place == "local" else request.getfixturevalue("s3")({"x.tar": path.read_bytes()})
    command = [sys.executable, "-c", PEAK, f"{folder}/x.tar"]
    count, peak = map(int, subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
    path.unlink()
    assert count == images
    assert peak < 20 * 2**20, peak  # of shards of 80 and 40 MB
