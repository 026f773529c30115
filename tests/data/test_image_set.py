"""What commands read: labels as the indices of a model's outputs, from every source of labels."""

import tarfile
from pathlib import Path

import pytest

from levit_edge.data.classes import ModelClasses, PairingRule
from levit_edge.data.image_set import calibration_images, evaluation_images
from levit_edge.data.imagenet import synsets
from levit_edge.data.options import ImageOptions
from levit_edge.errors import DataError
from levit_edge.runtime.evaluation.gate import GateRules
from levit_edge.runtime.evaluation.verify import evaluation_set
from tests.data.sources.made_up import jpeg, numbering, validation_name, write_devkit, write_files, write_tar
from tests.data.sources.test_open import parquet

VALIDATION = {validation_name(number): jpeg(number) for number in (1, 2, 3)}
IDS = {wordnet_id: number for number, wordnet_id in numbering().items()}
PLACES = [65, 970, 0]
TRUTH = {number: IDS[synsets()[place]] for number, place in enumerate(PLACES, 1)}


def test_validation_images_have_the_outputs_of_the_table(tmp_path: Path) -> None:
    tar = write_tar(tmp_path / "val.tar", VALIDATION)
    assert evaluation_images(tar, ModelClasses(outputs=1000)).labels is None
    kit = write_devkit(tmp_path / "kit", TRUTH)
    images = evaluation_images(tar, ModelClasses(outputs=1000), ImageOptions(devkit=kit))
    assert images.labels == tuple(PLACES)
    assert images.pairing is not None
    assert images.pairing.rule is PairingRule.WORDNET
    assert images.relative_paths == tuple(VALIDATION)
    table = tmp_path / "val.txt"
    table.write_text("".join(f"{name} {place}\n" for name, place in zip(VALIDATION, PLACES, strict=True)))
    by_table = evaluation_images(tar, ModelClasses(outputs=1000), ImageOptions(labels=table))
    assert by_table.labels == images.labels
    (tmp_path / "only.txt").write_text(f"{validation_name(3)}\n{validation_name(2)}\n")
    chosen = evaluation_images(tar, ModelClasses(outputs=1000), ImageOptions(labels=table, only=tmp_path / "only.txt"))
    assert (chosen.images, chosen.labels) == (by_table.select([1, 2]).images, by_table.select([1, 2]).labels)
    assert chosen.present == (0, 970)
    assert images.present == (0, 65, 970)


def test_numbers_are_outputs(tmp_path: Path) -> None:
    shard = write_tar(tmp_path / "x.tar", {"1.jpg": jpeg(1), "1.cls": b"2", "2.jpg": jpeg(2), "2.cls": b"0"})
    images = evaluation_images(shard, ModelClasses(outputs=3))
    assert images.labels == (2, 0)
    assert images.pairing is not None
    assert images.pairing.rule is PairingRule.INDICES
    with pytest.raises(DataError, match=r"x.tar: an image has the label 2, but the model has 2 classes"):
        evaluation_images(shard, ModelClasses(outputs=2))
    assert calibration_images(shard).labels == (1, 0)


def test_names_are_classes_in_their_order(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "x", {"1.jpg": jpeg(1), "2.jpg": jpeg(2)})
    (tmp_path / "t.csv").write_text("1.jpg,hat\n2.jpg,dress\n")
    images = evaluation_images(folder, ModelClasses(outputs=2), ImageOptions(labels=tmp_path / "t.csv"))
    assert images.labels == (1, 0)
    assert images.pairing is not None
    assert images.pairing.names == ("dress", "hat")
    with pytest.raises(DataError, match=r"2 class folders, but the model has 3 classes"):
        evaluation_images(folder, ModelClasses(outputs=3), ImageOptions(labels=tmp_path / "t.csv"))


def test_only_is_for_calibration_too(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "x", {"a/1.jpg": jpeg(1), "b/2.jpg": jpeg(2)})
    (tmp_path / "only.txt").write_text("b/2.jpg\n")
    images = calibration_images(folder, ImageOptions(only=tmp_path / "only.txt", labels=tmp_path / "absent"))
    assert (images.relative_paths, images.labels) == (("b/2.jpg",), (1,))


def of_seventy(changed: dict[int, str]) -> tuple[str, ...]:
    """Names of 70 classes, some of them changed; `parquet` writes images of the classes 0, 65, 2 and 0."""
    return tuple(changed.get(place, f"class {place}") for place in range(70))


def test_a_name_of_two_classes_with_images_is_no_label(tmp_path: Path) -> None:
    """Without labels nothing is wrong, and a table says them."""
    path, model = parquet(tmp_path / "a.parquet", names=of_seventy({65: "class 0"})), ModelClasses(outputs=1000)
    assert calibration_images(path).labels == (0, 2, 1, 0)
    with pytest.raises(DataError, match=r"names 'class 0' twice, as classes 0 and 65: .* in a table \(--labels\)$"):
        evaluation_images(path, model)
    (tmp_path / "t.txt").write_text("".join(f"{validation_name(n)} {c}\n" for n, c in enumerate((3, 1, 2, 3), 1)))
    assert evaluation_images(path, model, ImageOptions(labels=tmp_path / "t.txt")).labels == (3, 1, 2, 3)
    (tmp_path / "t.txt").write_text("".join(f"{validation_name(n)} {c}\n" for n, c in enumerate((3, 3, 2, 3), 1)))
    with pytest.raises(DataError, match="do not tell the images apart in the same way"):
        evaluation_images(path, model, ImageOptions(labels=tmp_path / "t.txt"))


@pytest.mark.parametrize("changed", [{3: "class 69"}, {3: "class 0"}, {69: "class 65", 1: "class 65"}])
def test_a_name_of_a_class_without_images_may_be_that_of_another(tmp_path: Path, changed: dict[int, str]) -> None:
    path = parquet(tmp_path / "a.parquet", names=of_seventy(changed))
    assert evaluation_images(path, ModelClasses(outputs=70)).labels == (0, 65, 2, 0)
    by_name = ModelClasses(outputs=70, names=tuple(f"class {place}" for place in range(70))[::-1])
    assert evaluation_images(path, by_name).labels == (69, 4, 67, 69)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (("hat", "shoe"), "hat is among the model's classes, but not shoe; the model's classes are dress, hat"),
        (
            ("breed", "shoe"),
            r"none of its labels .* Labels: breed, shoe\. Classes: dress, hat",
        ),
        (("0", "2"), "an image has the label 2, but the model has 2 classes"),
    ],
)
def test_a_table_of_unknown_classes_names_both_sides(tmp_path: Path, classes: tuple[str, str], message: str) -> None:
    folder = write_files(tmp_path / "x", {"1.jpg": jpeg(1), "2.jpg": jpeg(2)})
    (tmp_path / "t.csv").write_text("".join(f"{place}.jpg,{name}\n" for place, name in enumerate(classes, 1)))
    model, options = ModelClasses(outputs=2, names=("dress", "hat")), ImageOptions(labels=tmp_path / "t.csv")
    with pytest.raises(DataError, match=rf"x, labelled by .*t\.csv: {message}"):
        evaluation_images(folder, model, options)


def test_parquet_files_without_labels_are_told_where_a_drop_is_asked_for(tmp_path: Path) -> None:
    path = parquet(tmp_path / "val.parquet", names=None, labelled=False)
    model = ModelClasses(outputs=1000)
    assert evaluation_set(path, model).labels is None
    with pytest.raises(DataError, match=r"val\.parquet has images but no class folders or other labels, .*--max-drop"):
        evaluation_set(path, model, rules=GateRules(max_drop_pt=1.0))


@pytest.mark.parametrize("names", [("boot", "hat"), None])
def test_an_empty_folder_that_is_no_class_is_named(tmp_path: Path, names: tuple[str, ...] | None) -> None:
    folder = write_files(tmp_path / "x", {"hat/1.jpg": jpeg(1), "boot/1.jpg": jpeg(2)})
    (folder / "new").mkdir()
    tar = tmp_path / "x.tar"
    with tarfile.open(tar, "w") as archive:
        archive.add(folder, ".")
    for source in (folder, tar):
        with pytest.raises(DataError, match=r"there are no images of new, .* beside boot, hat\. Remove the folder"):
            evaluation_images(source, ModelClasses(outputs=2, names=names))
    (folder / "new").rmdir()
    assert evaluation_images(folder, ModelClasses(outputs=2, names=names)).labels == (0, 1)


def test_a_devkit_knows_more_classes_than_a_network_of_some(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "val", VALIDATION)
    options = ImageOptions(devkit=write_devkit(tmp_path / "kit", TRUTH))
    of_some = tuple(synsets()[place] for place in PLACES)
    assert evaluation_images(folder, ModelClasses(outputs=3, names=of_some), options).labels == (0, 1, 2)


@pytest.mark.parametrize("first", [0, 1])
def test_parquet_files_say_what_numbers_as_names_stand_for(tmp_path: Path, first: int) -> None:
    path = parquet(tmp_path / "val.parquet", names=tuple(sorted(str(number) for number in range(first, first + 66))))
    found = evaluation_images(path, ModelClasses(outputs=66))
    assert found.labels == (0, 65, 2, 0)
    assert found.pairing is not None
    assert found.pairing.rule is PairingRule.LISTED


def test_wordnet_ids_in_a_parquet_files_list_keep_its_order(tmp_path: Path) -> None:
    """Also where few of them have images: lists of 100 of ImageNet's classes are sorted by other things."""
    path = parquet(tmp_path / "val.parquet", names=tuple(reversed(synsets()[:66])))
    found = evaluation_images(path, ModelClasses(outputs=66))
    assert found.labels == (0, 65, 2, 0)
    assert found.pairing is not None
    assert found.pairing.rule is PairingRule.LISTED
    assert evaluation_images(path, ModelClasses(outputs=1000)).labels == (65, 0, 63, 65)
    assert evaluation_images(path, ModelClasses(outputs=66, names=synsets()[:66])).labels == (65, 0, 63, 65)
    table = tmp_path / "val.csv"
    others = [synsets()[place] for place in (500, 501, 502, 500)]
    table.write_text("".join(f"{validation_name(number)},{each}\n" for number, each in enumerate(others, 1)))
    with pytest.raises(DataError, match=f"is '{synsets()[65]}' by the column label and '{others[0]}' by .*contradict"):
        evaluation_images(path, ModelClasses(outputs=1000), ImageOptions(labels=table))


def test_parquet_files_may_list_classes_without_images(tmp_path: Path) -> None:
    names = tuple(f"dress {number}" for number in range(66))
    path = parquet(tmp_path / "val.parquet", names=names)
    found = evaluation_images(path, ModelClasses(outputs=3, names=("dress 65", "dress 2", "dress 0")))
    assert found.labels == (2, 0, 1, 2)
    with pytest.raises(DataError, match="66 class folders, but the model has 3 classes"):
        evaluation_images(path, ModelClasses(outputs=3))
