import os
from collections.abc import Callable
from pathlib import Path

import pytest

from levit_edge.data.classes import ModelClasses, PairingRule
from levit_edge.data.image_set import calibration_images, evaluation_images
from levit_edge.data.imagefolder import ImageSet
from levit_edge.device.file_kinds import EXTENSIONS
from levit_edge.errors import DataError

TENCH, GOLDFISH, PARACHUTE = "n01440764", "n01443537", "n03888257"


@pytest.fixture
def touch(tmp_path: Path) -> Callable[..., Path]:
    """Makes empty files under `tmp_path`; reading a folder does not open its images."""

    def make(*names: str) -> Path:
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        return tmp_path

    return make


Touch = Callable[..., Path]


def pairs(image_set: ImageSet) -> dict[str, int]:
    assert image_set.labels is not None
    return dict(zip(image_set.relative_paths, image_set.labels, strict=True))


def test_wordnet_folders_map_to_the_classes_of_imagenet(touch: Touch) -> None:
    image_set = evaluation_images(touch(f"{PARACHUTE}/a.JPEG", f"{GOLDFISH}/b.jpg"), ModelClasses(outputs=1000))
    assert pairs(image_set) == {f"{GOLDFISH}/b.jpg": 1, f"{PARACHUTE}/a.JPEG": 701}
    assert image_set.pairing is not None
    assert image_set.pairing.rule is PairingRule.WORDNET


def test_a_model_with_as_many_classes_as_folders_takes_them_in_order(touch: Touch) -> None:
    image_set = evaluation_images(touch(f"{PARACHUTE}/a.jpg", f"{TENCH}/b.jpg"), ModelClasses(outputs=2))
    assert pairs(image_set) == {f"{TENCH}/b.jpg": 0, f"{PARACHUTE}/a.jpg": 1}
    assert image_set.pairing is not None
    assert image_set.pairing.names == (TENCH, PARACHUTE)


def test_a_thousand_folders_of_other_names_are_in_order(touch: Touch) -> None:
    image_set = evaluation_images(
        touch(*(f"class{index:03}/a.jpg" for index in range(1000))), ModelClasses(outputs=1000)
    )
    assert image_set.labels == tuple(range(1000))
    assert image_set.pairing is not None
    assert image_set.pairing.names[7] == "class007"


@pytest.mark.parametrize("classes", [1, 3, 1000])
def test_counts_that_do_not_fit_are_both_named(touch: Touch, classes: int) -> None:
    with pytest.raises(DataError, match=f"2 class folders, but the model has {classes:,} class"):
        evaluation_images(touch("cat/a.jpg", "dog/b.jpg"), ModelClasses(outputs=classes))


def test_folders_that_are_no_imagenet_class_are_named(touch: Touch) -> None:
    with pytest.raises(DataError, match=r"ImageNet's are WordNet ids, not a, b, c and 1 more\."):
        evaluation_images(
            touch(f"{TENCH}/a.jpg", "a/a.jpg", "b/a.jpg", "c/a.jpg", "d/a.jpg"), ModelClasses(outputs=1000)
        )


def test_a_class_folder_may_be_called_like_an_image(touch: Touch) -> None:
    assert pairs(evaluation_images(touch("cats.jpg/a.jpg"), ModelClasses(outputs=1))) == {"cats.jpg/a.jpg": 0}


def test_for_calibration_any_number_of_folders_will_do(touch: Touch) -> None:
    image_set = calibration_images(touch("cat/a.jpg", "dog/b.jpg", "dog/c.jpg"))
    assert pairs(image_set) == {"cat/a.jpg": 0, "dog/b.jpg": 1, "dog/c.jpg": 1}


def test_an_empty_class_folder_keeps_its_place(touch: Touch) -> None:
    (touch("cat/a.jpg", "eel/b.jpg") / "dog").mkdir()
    image_set = evaluation_images(touch(), ModelClasses(outputs=3))
    assert pairs(image_set) == {"cat/a.jpg": 0, "eel/b.jpg": 2}
    assert image_set.pairing is not None
    assert image_set.pairing.names == ("cat", "dog", "eel")


@pytest.mark.parametrize("parts", [("train", "val"), ("Train", "valid", "test")])
def test_parts_of_a_set_are_no_classes(touch: Touch, parts: tuple[str, ...]) -> None:
    """Else calibration would take the images that others are evaluated on."""
    folder = touch(*(f"{part}/cat/a.jpg" for part in parts))
    for use in (calibration_images, lambda images: evaluation_images(images, ModelClasses(outputs=len(parts)))):
        with pytest.raises(DataError, match=f"it holds {' and '.join(sorted(parts))}, which are parts of a set"):
            use(folder)


def test_a_class_may_be_called_like_a_part_of_a_set(touch: Touch) -> None:
    assert evaluation_images(touch("train/a.jpg", "bus/c.jpg"), ModelClasses(outputs=2)).labels == (0, 1)


def test_images_may_lie_deeper(touch: Touch) -> None:
    assert pairs(evaluation_images(touch("cat/x/a.jpg", "cat/b.jpg", "dog/c.jpg"), ModelClasses(outputs=2))) == {
        "cat/b.jpg": 0,
        "cat/x/a.jpg": 0,
        "dog/c.jpg": 1,
    }


def test_hidden_and_other_files_are_passed_over(touch: Touch) -> None:
    names = (".cache/a.jpg", "cat/.x/a.jpg", "cat/._a.jpg", "cat/notes.txt", "LICENSE", ".DS_Store", "cat/a.jpg")
    assert evaluation_images(touch(*names), ModelClasses(outputs=1)).relative_paths == ("cat/a.jpg",)


def test_endings_in_any_case_are_images(touch: Touch) -> None:
    names = sorted([*(f"a{ending}" for ending in EXTENSIONS), *(f"b{ending.upper()}" for ending in EXTENSIONS)])
    assert calibration_images(touch(*names)).relative_paths == tuple(names)


def test_a_folder_of_images_is_a_set_without_labels(touch: Touch) -> None:
    image_set = evaluation_images(touch("b.jpg", "a.jpg", "notes/read.me"), ModelClasses(outputs=7))
    assert image_set.relative_paths == ("a.jpg", "b.jpg")
    assert (image_set.labels, image_set.pairing) == (None, None)


def test_images_beside_class_folders_are_refused(touch: Touch) -> None:
    with pytest.raises(DataError, match=r"images beside the class folders: b\.jpg"):
        calibration_images(touch("cat/a.jpg", "b.jpg"))


def test_links_are_followed_as_documented(touch: Touch, tmp_path: Path) -> None:
    touch("elsewhere/cats/a.jpg", "data/dog/b.jpg")
    (tmp_path / "data/cat").symlink_to(tmp_path / "elsewhere/cats")
    (tmp_path / "data/dog/c.jpg").symlink_to(tmp_path / "elsewhere/cats/a.jpg")
    (tmp_path / "data/dog/circle").symlink_to(tmp_path / "data")
    images = evaluation_images(tmp_path / "data", ModelClasses(outputs=2))
    assert pairs(images) == {"cat/a.jpg": 0, "dog/b.jpg": 1, "dog/c.jpg": 1}
    assert images.passed_over == {"link or device": 1}


@pytest.mark.parametrize("names", [(), ("cat/notes.txt", "dog/.hidden.jpg"), ("notes.txt",)])
def test_a_folder_without_images_is_refused(touch: Touch, names: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match="no images"):
        calibration_images(touch(*names))


def test_a_folder_that_cannot_be_listed_is_refused(touch: Touch, monkeypatch: pytest.MonkeyPatch) -> None:
    def scandir(path: Path) -> object:  # file modes do not stop root, who runs tests in containers
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(DataError, match="cat: Permission denied"):
        evaluation_images(touch("cat/a.jpg"), ModelClasses(outputs=1))


def test_no_folder_is_refused(touch: Touch) -> None:
    with pytest.raises(DataError, match="nowhere does not exist"):
        calibration_images(touch() / "nowhere")
    with pytest.raises(DataError, match=r"a\.jpg: expected a folder of images, a tar file, or parquet files"):
        calibration_images(touch("a.jpg") / "a.jpg")


def test_the_stand_ins_images_are_found(shared: Path) -> None:
    image_set = evaluation_images(shared / "data" / "imagenette" / "val", ModelClasses(outputs=10))
    assert len(image_set) == 1960
    assert image_set.labels is not None
    assert set(image_set.labels) == set(range(10))


def test_selecting_keeps_images_and_labels_together(touch: Touch) -> None:
    image_set = evaluation_images(touch("cat/a.jpg", "dog/b.jpg", "dog/c.jpg"), ModelClasses(outputs=2)).select([2, 0])
    assert pairs(image_set) == {"dog/c.jpg": 1, "cat/a.jpg": 0}
    assert image_set.pairing is not None
    assert image_set.pairing.names == ("cat", "dog")
