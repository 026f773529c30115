"""The development kit: its own numbering, and what is none."""

from pathlib import Path

import pytest

from levit_edge.data.imagenet import synsets
from levit_edge.data.sources.devkit import find_devkit, read_devkit
from levit_edge.data.sources.found import LabelKind
from levit_edge.data.sources.open import open_source
from levit_edge.errors import DataError
from tests.data.sources.made_up import (
    devkit_files,
    jpeg,
    numbering,
    truth,
    validation_name,
    write_devkit,
    write_files,
    write_tar,
)

NUMBERS = {1: 65, 2: 1000, 50_000: 7}
TRUTH = "data/ILSVRC2012_validation_ground_truth.txt"


@pytest.mark.parametrize("name", ["ILSVRC2012_devkit_t12.tar.gz", "ILSVRC2012_devkit_t12"])
def test_classes_are_those_of_the_kits_own_numbering(tmp_path: Path, name: str) -> None:
    path = write_devkit(tmp_path / name, NUMBERS)
    assert find_devkit(tmp_path) == path
    kit = read_devkit(path)
    ids = numbering()
    labels = kit.labels(
        [validation_name(1), f"val/{validation_name(2)}", "ILSVRC2012_val_00050000", validation_name(9)]
    )
    assert labels.of_images == (ids[65], ids[1000], ids[7], ids[1])
    assert labels.kind is LabelKind.WORDNET_IDS
    assert ids[65] != synsets()[64]  # or the numbering would not be seen


def test_other_names_have_no_class(tmp_path: Path) -> None:
    kit = read_devkit(write_devkit(tmp_path / "kit", NUMBERS))
    with pytest.raises(DataError, match=r"cat\.jpg is not named like an image of the validation set"):
        kit.labels(["cat.jpg"])
    with pytest.raises(DataError, match=r"number 50001, but .*kit has 50,000"):
        kit.labels([validation_name(50_001)])


def test_a_kit_of_another_year_is_refused(tmp_path: Path) -> None:
    folder = write_files(
        tmp_path / "ILSVRC2014_devkit",
        {"data/meta_clsloc.mat": b"x", "data/ILSVRC2014_clsloc_validation_ground_truth.txt": b"1\n"},
    )
    with pytest.raises(DataError, match=r"another year's: it holds .*ILSVRC2014_clsloc.*; expected .*ILSVRC 2012"):
        read_devkit(folder)
    ids = numbering() | {3: "n99999999"}
    folder = write_files(tmp_path / "kit", devkit_files(NUMBERS, ids))
    with pytest.raises(DataError, match=r"1,000 classes, 1 of which are not ImageNet-1k's \(n99999999\)"):
        read_devkit(folder)


def test_a_stranger_among_validation_images_is_named(tmp_path: Path) -> None:
    """Else the kit beside them would not be asked, and all labels lost."""
    folder = write_files(tmp_path / "val", {validation_name(1): jpeg(1), validation_name(2): jpeg(2), "x.jpg": jpeg(3)})
    assert open_source(folder).labels is None
    write_devkit(tmp_path / "ILSVRC2012_devkit_t12", NUMBERS)
    with pytest.raises(DataError, match=r"x.jpg is not named like an image of the validation set"):
        open_source(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"1\n2\n", "has 2 lines, expected one for each of 50,000"),
        (truth({3: 1001}), "line 3 is b'1001', expected a number from 1 to 1,000"),
        (truth({3: 0}), "line 3 is b'0'"),
        (truth({}).replace(b"1", b"x", 1), "line 1 is b'x'"),
    ],
)
def test_numbers_out_of_range_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    folder = write_files(tmp_path, devkit_files(NUMBERS) | {TRUTH: content})
    with pytest.raises(DataError, match=message):
        read_devkit(folder)


def test_damaged_kits_are_one_message(tmp_path: Path) -> None:
    path = write_devkit(tmp_path / "ILSVRC2012_devkit_t12.tar.gz", NUMBERS)
    whole = path.read_bytes()
    for length in (0, 9, 1000, len(whole) // 2):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError):
            read_devkit(path)


def test_nothing_of_a_kit_is_written(tmp_path: Path) -> None:
    files = {f"../../{name}": content for name, content in devkit_files(NUMBERS).items()}
    path = write_tar(tmp_path / "kit.tar", files)
    before = sorted(tmp_path.rglob("*"))
    assert len(read_devkit(path).wordnet_ids) == 50_000
    assert sorted(tmp_path.rglob("*")) == before
