"""Files that are images, and what the others are counted as."""

import os
from pathlib import Path

import pytest
from PIL import Image

from levit_edge.data.classes import ModelClasses
from levit_edge.data.image_set import calibration_images, evaluation_images
from levit_edge.data.loader import Decoder
from levit_edge.data.preprocess import Preprocessing
from levit_edge.data.sources.open import open_source
from levit_edge.device.file_kinds import head_of, is_hidden_path, passed_over_words, unread_kind
from levit_edge.device.formats import FORMATS, image_format
from levit_edge.errors import DataError
from tests.data.sources.made_up import jpeg, write_files, write_tar

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
JP2 = b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(20)
PHOTOGRAPH = jpeg(1)
MIXED = {
    "cat/a.jpg": PHOTOGRAPH,
    "cat/b": PHOTOGRAPH,
    "cat/c.HEIC": HEIC,
    "cat/d": HEIC,
    "dog/e.jfif": PHOTOGRAPH,
    "dog/f.heif": HEIC,
    "dog/g.jp2": JP2,
    "dog/README": b"words",
    "dog/h.txt": b"words",
    "dog/i": b"",
}
COUNTS = {"HEIC": 3, "JPEG 2000": 1, "no image": 3}
LEFT_BY_SYSTEMS = (
    "@eaDir/a.jpg",
    "cat/@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg",
    "__MACOSX/cat/._a.jpg",
    "lost+found/a.jpg",
    "cat/lost+found/b.jpg",
    ".ipynb_checkpoints/a-checkpoint.jpg",
    "dog/.ipynb_checkpoints/a-checkpoint.jpg",
    "cat/x/.cache/a.jpg",
    "cat/._a.jpg",
    "cat/Thumbs.db",
    "cat/.DS_Store",
    "Thumbs.db",
    ".DS_Store",
    "desktop.ini",
    "$RECYCLE.BIN/a.jpg",
)


@pytest.mark.parametrize("form", FORMATS)
def test_formats_are_told_by_how_files_begin(tmp_path: Path, form: str) -> None:
    Image.new("RGB", (40, 30)).save(tmp_path / "x", form)
    head = head_of(tmp_path / "x")
    assert head is not None
    assert image_format(head) == form


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (HEIC, "HEIC"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heicmiaf", "HEIC"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf", "AVIF"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", None),
        (JP2, "JPEG 2000"),
        (b"\xff\x0a" + bytes(9), "JPEG XL"),
        (b"BM and so the text begins", None),
        (b"words", None),
        (b"", None),
    ],
)
def test_other_files_are_told_too(head: bytes, expected: str | None) -> None:
    assert image_format(head) == expected


def test_files_with_an_ending_are_not_opened_and_the_others_are_bounded(tmp_path: Path) -> None:
    def never(path: str) -> bytes:
        raise AssertionError(path)

    assert [unread_kind(name, never) for name in ("a.jpg", "a.heic", "b.txt")] == [None, "HEIC", "no image"]
    (tmp_path / "large").write_bytes(bytes(1 << 20))
    assert len(head_of(tmp_path / "large") or b"") == 64


def test_what_is_passed_over_in_a_folder_is_counted_by_what_it_is(tmp_path: Path) -> None:
    images = evaluation_images(write_files(tmp_path, MIXED), ModelClasses(outputs=2))
    assert images.relative_paths == ("cat/a.jpg", "cat/b", "dog/e.jfif")
    assert images.labels == (0, 0, 1)
    assert images.passed_over == COUNTS
    assert passed_over_words(COUNTS) == "7 files passed over: 3 HEIC, 1 JPEG 2000, 3 no image"
    assert passed_over_words({"HEIC": 1}) == "1 file passed over: 1 HEIC"
    assert passed_over_words({}) == ""


def test_archives_beside_images_are_counted_as_such(tmp_path: Path) -> None:
    files = {"cat/a.jpg": PHOTOGRAPH, "cat.tar": b"", "n01440764.tar.gz": b"", "cat/b.parquet": b""}
    images = evaluation_images(write_files(tmp_path, files), ModelClasses(outputs=1))
    assert images.passed_over == {"archive": 2, "parquet": 1}


def test_a_tar_file_of_the_same_folder_gives_the_same(tmp_path: Path) -> None:
    found = open_source(write_tar(tmp_path / "images.tar", MIXED))
    assert found.names == ("cat/a.jpg", "cat/b", "dog/e.jfif")
    assert found.passed_over == COUNTS


def test_classes_of_a_training_tar_are_counted_too(tmp_path: Path) -> None:
    inner = write_tar(tmp_path / "n01440764.tar", {"a.JPEG": PHOTOGRAPH, "b": PHOTOGRAPH, "c.heic": HEIC, "d": b"no"})
    found = open_source(inner)
    assert found.names == ("n01440764/a.JPEG", "n01440764/b")
    assert found.passed_over == {"HEIC": 1, "no image": 1}


def test_captions_of_samples_are_not_told(tmp_path: Path) -> None:
    shard = {"1.jpg": PHOTOGRAPH, "1.cls": b"0", "1.txt": b"a cat", "2.jpg": PHOTOGRAPH, "2.cls": b"0", "3.heic": HEIC}
    found = open_source(write_tar(tmp_path / "shard.tar", shard))
    assert len(found) == 2
    assert found.passed_over == {"HEIC": 1}


def test_images_without_an_ending_are_decoded(tmp_path: Path) -> None:
    images = calibration_images(write_files(tmp_path, {"a": PHOTOGRAPH}))
    small = Preprocessing(image_size=16, resize=16, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))
    with Decoder(images.images, small) as decoder:
        assert [image.shape for _, image in decoder] == [(3, 16, 16)]


def test_what_systems_leave_is_nobodys_image_at_any_depth(tmp_path: Path) -> None:
    files = {"cat/a.jpg": PHOTOGRAPH, "dog/b.jpg": PHOTOGRAPH, **dict.fromkeys(LEFT_BY_SYSTEMS, PHOTOGRAPH)}
    for source in (write_files(tmp_path / "folder", files), write_tar(tmp_path / "images.tar", files)):
        images = evaluation_images(source, ModelClasses(outputs=2))
        assert images.relative_paths == ("cat/a.jpg", "dog/b.jpg")
        assert images.passed_over == {}
        assert images.pairing is not None
        assert list(images.pairing.index) == ["cat", "dog"]
    assert all(map(is_hidden_path, LEFT_BY_SYSTEMS))


def test_what_systems_leave_beside_a_tar_file_does_not_hide_it(tmp_path: Path) -> None:
    write_files(tmp_path, {"lost+found/x": b"", "@eaDir/y": b""})
    write_tar(tmp_path / "val.tar", {"a.jpg": PHOTOGRAPH})
    assert open_source(tmp_path).names == ("a.jpg",)


def test_pipes_and_unreadable_files_are_not_waited_for(tmp_path: Path) -> None:
    write_files(tmp_path, {"a.jpg": PHOTOGRAPH})
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "nowhere").symlink_to(tmp_path / "absent")
    assert calibration_images(tmp_path).passed_over == {"unreadable": 2}


def test_a_folder_of_images_that_are_not_read_says_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(
        DataError,
        match=r"no images in it; .*or images \(2 files passed over: 2 HEIC; convert HEIC, ",
    ):
        calibration_images(write_files(tmp_path, {"a.heic": HEIC, "b": HEIC}))


def test_a_number_of_classes_that_does_not_fit_names_the_folders(tmp_path: Path) -> None:
    write_files(tmp_path, {f"{name}/a.jpg": PHOTOGRAPH for name in ("cat", "dog", "results")})
    with pytest.raises(DataError, match=r"3 class folders, but the model has 2 classes.* Folders: cat, dog, results\."):
        evaluation_images(tmp_path, ModelClasses(outputs=2))
