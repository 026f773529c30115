from dataclasses import replace
from pathlib import Path

import pytest

from levit_edge.data.class_table import ClassTable
from levit_edge.data.classes import ModelClasses, PairingRecord, PairingRule
from levit_edge.data.image_set import evaluation_images
from levit_edge.errors import DataError
from levit_edge.sweep.inputs.shard_index import ShardIndex, check_counts, index_shard, labels_for, pairing_for
from levit_edge.sweep.inputs.shard_reader import IndexedImage
from levit_edge.sweep.inputs.sources import Listing, Shard, list_shards
from tests.data.sources.made_up import jpeg, write_files
from tests.data.sources.test_open import parquet


def listing(class_names: tuple[str, ...] | None = None) -> Listing:
    return Listing(source="x", shards=(), class_names=class_names)


def index(shard: str, *classes: str | int | None) -> ShardIndex:
    """A shard with an image for each of `classes`."""
    return ShardIndex(
        shard=Shard(name=shard, root="/", files=()),
        images=tuple(
            IndexedImage(
                name=f"{number}.jpg",
                folder=each if isinstance(each, str) else None,
                label=each if isinstance(each, int) else None,
                sha256="0" * 64,
            )
            for number, each in enumerate(classes)
        ),
    )


def test_folders_get_the_labels_of_image_folders() -> None:
    names = ("n01440764", "n01443537", "n03888257")
    indices = [index("a", "n03888257", "n01440764"), index("b", "n01443537")]
    assert labels_for(listing(names), indices, ModelClasses(outputs=3)) == ((2, 0), (1,))
    assert labels_for(listing(names), indices, ModelClasses(outputs=1000)) == (
        (701, 0),
        (1,),
    )  # their places among ImageNet's
    with pytest.raises(DataError, match="x: 3 class folders, but the model has 10 classes"):
        labels_for(listing(names), indices, ModelClasses(outputs=10))


def test_numbers_are_labels_if_the_model_has_as_many_classes() -> None:
    indices = [index("a", 0, 9), index("b", 3)]
    assert (
        labels_for(listing(), indices, ModelClasses(outputs=10))
        == labels_for(listing(), indices, ModelClasses(outputs=1000))
        == ((0, 9), (3,))
    )
    with pytest.raises(DataError, match=r"a: 1\.jpg: label 9, but the model has 9 classes"):
        labels_for(listing(), indices, ModelClasses(outputs=9))


def test_how_labels_were_paired_is_recorded() -> None:
    numbers, model = [index("a", 0, 9), index("b", 3)], ModelClasses(outputs=10)
    pairing = pairing_for(listing(), numbers, model)
    assert pairing is not None
    assert pairing.record == PairingRecord(rule=PairingRule.INDICES, labels=3, outputs=10)
    assert pairing.names == tuple(map(str, range(10)))
    named = replace(model, names=tuple("abcdefghij"))
    of_folders = pairing_for(listing(("c", "a")), [index("a", "c")], named)
    assert of_folders is not None
    assert (of_folders.rule, of_folders.index) == (PairingRule.NAMES, {"c": 2, "a": 0})
    assert pairing_for(listing(), [index("a", None)], model) is None


def test_a_table_of_classes_decides() -> None:
    table = ClassTable(path=Path("t.csv"), index={"cat": 2, "dog": 0})
    folders, model = replace(listing(("cat", "dog")), table=table), ModelClasses(outputs=3, names=("cat", "dog", "x"))
    assert labels_for(folders, [index("a", "dog", "cat")], model) == ((0, 2),)
    pairing = pairing_for(folders, [index("a", "dog", "cat")], model)
    assert pairing is not None
    assert pairing.record == PairingRecord(rule=PairingRule.TABLE, labels=2, outputs=3)
    numbers = replace(listing(), table=ClassTable(path=Path("t.csv"), index={"1": 0, "2": 1, "10": 2}))
    assert labels_for(numbers, [index("a", 10, 2)], model) == ((2, 1),)
    with pytest.raises(DataError, match=r"x: t\.csv says nothing of 3; it has 1, 2, 10"):
        labels_for(numbers, [index("a", 10, 3)], model)


def test_the_order_of_a_list_of_classes_is_that_of_the_outputs() -> None:
    in_order = replace(listing(("b", "a")), in_order=True)
    assert labels_for(in_order, [index("a", "a", "b")], ModelClasses(outputs=2)) == ((1, 0),)
    assert labels_for(listing(("b", "a")), [index("a", "a", "b")], ModelClasses(outputs=2)) == ((0, 1),)


def test_an_image_without_label_among_others_is_named() -> None:
    with pytest.raises(DataError, match=r"b: 1\.jpg: no label, but others have one"):
        labels_for(listing(), [index("a", 0), index("b", 0, None)], ModelClasses(outputs=10))


def test_what_is_expected_passes() -> None:
    check_counts(listing(), [index("a", 0, 1), index("b", 1, 0)], count=4, per_class=2)
    check_counts(listing(("cat", "dog")), [index("a", "cat", "dog")], count=2, per_class=1)
    check_counts(listing(), [index("a", None)], count=1, per_class=None)


@pytest.mark.parametrize(
    ("classes", "names", "message"),
    [
        ((0, 1, 1), None, "3 images in 1 shard, expected 4"),
        ((0, 1, 1, 3), None, "3 of 4 classes have another number: 0 has 1, 2 has 0, 3 has 1$"),
        (("cat", "cat", "dog", "cat"), ("cat", "dog", "eel"), "3 of 3 classes.*: cat has 3, dog has 1, eel has 0$"),
        ((None,) * 4, None, "its images have no classes, expected 2 of each"),
        (tuple("abcd"), tuple("abcdefg"), "7 of 7 classes .* e has 0 and 2 more$"),
    ],
)
def test_another_number_is_told(
    classes: tuple[str | int | None, ...], names: tuple[str, ...] | None, message: str
) -> None:
    with pytest.raises(DataError, match=f"^x: .*{message}"):
        check_counts(listing(names), [index("a", *classes)], count=4, per_class=2)


def test_a_list_of_classes_may_have_more_than_the_images_are_of(tmp_path: Path) -> None:
    path = parquet(tmp_path / "x.parquet", names=tuple(f"dress {number}" for number in range(66)))
    model = ModelClasses(outputs=3, names=("dress 0", "dress 2", "dress 65"))
    expected, listing = evaluation_images(path, model), list_shards(str(path), 3)
    indices = [index_shard(each) for each in listing.shards]
    found = labels_for(listing, indices, model)
    assert tuple(each for of_shard in found for each in of_shard or ()) == expected.labels
    pairing = pairing_for(listing, indices, model)
    assert pairing is not None
    assert pairing == expected.pairing
    assert pairing.record.labels == 3


def test_an_empty_folder_that_is_no_class_is_named(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "x", {"boot/1.jpg": jpeg(1), "hat/1.jpg": jpeg(2)})
    (folder / "new").mkdir()
    listing, model = list_shards(str(folder), 1), ModelClasses(outputs=2, names=("boot", "hat"))
    indices = [index_shard(each) for each in listing.shards]
    with pytest.raises(DataError, match=r"there are no images of new, .* beside boot, hat\. Remove the folder"):
        labels_for(listing, indices, model)
    with pytest.raises(DataError, match="but not new"):  # whether it is empty is not known before all are read
        labels_for(listing, indices[:1], model)
