"""Which output a label stands for: the right one, or an error that shows both sides."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from levit_edge.data import imagenet
from levit_edge.data.class_names import normal_form
from levit_edge.data.class_table import ClassTable
from levit_edge.data.classes import ClassPairing, ModelClasses, PairingRule
from levit_edge.data.pairing import outputs_as_labels, pair_classes
from levit_edge.errors import DataError

TABLE = Path("classes.csv")
TENCH, GOLDFISH, CRANE_BIRD, CRANE_MACHINE = "n01440764", "n01443537", "n02012849", "n03126707"


def pair(
    labels: list[str], outputs: int, names: Sequence[str] | None = None, table: ClassTable | None = None
) -> ClassPairing:
    own = None if names is None else tuple(names)
    return pair_classes("val", labels, ModelClasses(outputs=outputs, names=own, table=table))


def test_names_decide_whatever_their_order() -> None:
    pairing = pair(["boot", "coat", "hat"], 3, ["hat", "boot", "coat"])
    assert pairing.rule == PairingRule.NAMES
    assert pairing.index == {"boot": 1, "coat": 2, "hat": 0}
    assert pairing.names == ("hat", "boot", "coat")
    assert pairing.record.sentence == "3 of 3 classes, paired by class names"


def test_images_of_some_classes_will_do() -> None:
    assert pair(["coat"], 3, ["hat", "boot", "coat"]).index == {"coat": 2}


@pytest.mark.parametrize("label", ["T-Shirt", "t_shirt", "T SHIRT", "tee, t-shirt"])
def test_names_are_compared_in_normal_form(label: str) -> None:
    pairing = pair([label, "hat"], 2, ["hat", "t-shirt"])
    assert pairing.rule == PairingRule.NORMAL_NAMES
    assert pairing.index == {label: 1, "hat": 0}


def test_the_normal_form() -> None:
    assert normal_form("  Sea_Lion--cub ") == "sea lion cub"
    assert normal_form("STRASSE") == normal_form("straße")


def test_a_part_of_a_list_of_names_is_a_name() -> None:
    names = ["tench, Tinca tinca", "goldfish, Carassius auratus"]
    assert pair(["Carassius_auratus", "tench"], 2, names).index == {"Carassius_auratus": 1, "tench": 0}


def test_an_exact_name_goes_before_one_in_normal_form() -> None:
    assert pair(["Hat", "hat"], 2, ["hat", "Hat"]).index == {"Hat": 1, "hat": 0}


def test_a_whole_name_goes_before_a_part() -> None:
    names = ["maillot, tank suit", "maillot"]
    assert pair(["MAILLOT"], 2, names).index == {"MAILLOT": 1}


def test_a_name_of_two_classes_is_refused() -> None:
    with pytest.raises(DataError, match=r"'Crane' may be any of the model's classes 'crane' \(0\), 'crane' \(2\)"):
        pair(["Crane"], 3, ["crane", "hat", "crane"])


def test_two_labels_of_one_class_are_refused() -> None:
    with pytest.raises(DataError, match="'Hat' and 'HAT' are the same class, 0"):
        pair(["Hat", "HAT"], 2, ["hat", "boot"])


def test_images_of_another_task_are_refused_with_both_lists() -> None:
    with pytest.raises(DataError, match=r"Labels: dress, hat\. Classes: tench, English springer\."):
        pair(["dress", "hat"], 2, ["tench", "English springer"])


def test_a_label_that_is_no_class_is_refused() -> None:
    with pytest.raises(
        DataError, match="hat is among the model's classes, but not shoe; the model's classes are hat, "
    ):
        pair(["hat", "shoe"], 2, ["hat", "boot"])


def test_wordnet_ids_of_some_classes_with_a_thousand_outputs() -> None:
    pairing = pair([GOLDFISH, CRANE_MACHINE], 1000)
    assert pairing.rule == PairingRule.WORDNET
    assert pairing.index == {GOLDFISH: 1, CRANE_MACHINE: 517}
    assert pairing.names == imagenet.class_names()


@pytest.mark.parametrize(
    "names", [imagenet.class_names(), [each.names for each in imagenet.classes()], imagenet.synsets()]
)
def test_imagenets_names_in_its_order_leave_wordnet_ids_their_places(names: tuple[str, ...]) -> None:
    """Transformers calls both cranes `crane`: they are told apart by their places."""
    assert pair([CRANE_BIRD, CRANE_MACHINE], 1000, names).index == {CRANE_BIRD: 134, CRANE_MACHINE: 517}


def test_imagenets_names_in_another_order_move_wordnet_ids() -> None:
    names = [each.names for each in reversed(imagenet.classes())]
    assert pair([TENCH], 1000, names).index == {TENCH: 999}


@pytest.mark.parametrize("names", [["goldfish", "tench"], [GOLDFISH, TENCH], ["Goldfish", "Tinca tinca"]])
def test_wordnet_ids_find_the_names_of_a_fine_tune(names: list[str]) -> None:
    assert pair([TENCH, GOLDFISH], 2, names).index == {TENCH: 1, GOLDFISH: 0}


@pytest.mark.parametrize("names", [None, imagenet.class_names()])
def test_whole_numbers_are_indices(names: tuple[str, ...] | None) -> None:
    pairing = pair(sorted(str(number) for number in range(1000)), 1000, names)
    assert pairing.rule == PairingRule.INDICES
    assert pairing.index["10"] == 10


@pytest.mark.parametrize("labels", [["01", "02", "10"], [f"{number:02}" for number in range(1, 11)]])
def test_whole_numbers_from_one_that_sort_alike(labels: list[str]) -> None:
    pairing = pair(labels, 10)
    assert pairing.rule == PairingRule.INDICES_FROM_ONE
    assert pairing.index == {label: int(label) - 1 for label in labels}


def test_digits_are_indices() -> None:
    assert pair([str(number) for number in range(10)], 10).index == {str(number): number for number in range(10)}
    assert pair([str(number) for number in range(1, 10)], 9).index["9"] == 8


@pytest.mark.parametrize("labels", [["1", "10", "2"], [str(number) for number in range(1, 11)]])
@pytest.mark.parametrize("names", [None, [f"flower {letter}" for letter in "abcdefghij"]])
def test_whole_numbers_from_one_that_sort_otherwise_as_text(labels: list[str], names: list[str] | None) -> None:
    """torchvision numbers folders `1` to `10` as text, timm by number."""
    orders = (
        r"As torchvision .*, as text \(1, 10, 2, 3, 4 and 5 more\), output 1 is '10'; "
        r"as timm .* \(1, 2, 3, 4, 5 and 5 more\), it is '2'"
    )
    with pytest.raises(DataError, match=rf"{orders}\. Write the labels into a file .* --classes FILE"):
        pair(labels, 10, names)
    by_text = ClassTable(path=TABLE, names=tuple(sorted(str(number) for number in range(1, 11))))
    assert pair(labels, 10, names, by_text).index["10"] == 1
    by_number = ClassTable(path=TABLE, names=tuple(str(number) for number in range(1, 11)))
    assert pair(labels, 10, names, by_number).index["10"] == 9


@pytest.mark.parametrize("first", [0, 1])
def test_numbers_in_the_images_own_list_are_names(first: int) -> None:
    """`datasets` numbers folders in the order of text."""
    as_text = sorted(str(number) for number in range(first, first + 12))
    listed = pair_classes("val", as_text, ModelClasses(outputs=12), in_order=True)
    assert listed.rule is PairingRule.LISTED
    assert listed.index == {label: place for place, label in enumerate(as_text)}
    names = tuple(sorted(as_text, key=int))
    named = pair_classes("val", as_text, ModelClasses(outputs=12, names=names), in_order=True)
    assert named.index == {label: place for place, label in enumerate(names)}
    by_number = pair_classes("val", [str(number) for number in range(12)], ModelClasses(outputs=12), in_order=True)
    assert by_number.rule is PairingRule.INDICES


def test_a_thousand_numbers_in_a_list_may_be_imagenets_outputs() -> None:
    as_text = sorted(str(number) for number in range(1000))
    with pytest.raises(DataError, match=r"in the order of its own list output 2 is '10'\. .* told\. .* --classes FILE"):
        pair_classes("val", as_text, ModelClasses(outputs=1000), in_order=True)
    named = ModelClasses(outputs=1000, names=imagenet.class_names())
    assert pair_classes("val", as_text, named, in_order=True).index["10"] == 10


@pytest.mark.parametrize("names", [None, imagenet.class_names()])
@pytest.mark.parametrize("form", ["{}", "{:04}"])
def test_a_thousand_classes_from_one_may_be_the_devkits(names: tuple[str, ...] | None, form: str) -> None:
    with pytest.raises(DataError, match=r"numbers from 1 to 1,000\. ImageNet's development kit .* --classes FILE"):
        pair([form.format(number) for number in range(1, 1001)], 1000, names)


@pytest.mark.parametrize(
    ("labels", "names"), [(["boot", "hat", "shoe"], ["hat", "boot"]), (["boot", "hat", "shoe"], None)]
)
def test_a_folder_without_images_that_is_no_class_is_the_cause(labels: list[str], names: list[str] | None) -> None:
    model = ModelClasses(outputs=2, names=None if names is None else tuple(names))
    with pytest.raises(DataError, match=r"^val: there are no images of shoe, .* beside boot, hat\. Remove the folder"):
        pair_classes("val", labels, model, empty={"shoe"})
    with pytest.raises(DataError, match=r"--classes FILE.*\. There are no images of shoe: an empty folder is a class"):
        pair_classes("val", [*labels, "sock"], model, empty={"shoe"})


def test_wordnet_ids_of_a_table_pair_whatever_the_names() -> None:
    """Keras calls both cranes `crane`."""
    table = ClassTable(path=TABLE, names=("crane", "crane"), wordnet_ids=(CRANE_MACHINE, CRANE_BIRD))
    pairing = pair([CRANE_BIRD, CRANE_MACHINE], 2, None, table)
    assert pairing.index == {CRANE_BIRD: 1, CRANE_MACHINE: 0}
    assert pairing.names == ("crane", "crane")
    with pytest.raises(DataError, match="'crane' may be any of"):
        pair(["crane"], 2, None, table)


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        (["3", "7"], "counted from 0 or from 1 cannot be told"),
        (["0", "10"], "numbers from 0 to 10, but the model has 10 classes"),
        (["11"], "numbers from 11 to 11, but"),
        (["0", "1", "01"], "'1' and '01' are the same class"),
    ],
)
def test_numbers_that_are_no_certain_indices_are_refused(labels: list[str], complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        pair(labels, 10)


def test_one_class_is_one_class() -> None:
    with pytest.raises(DataError, match=r"numbers from 5 to 5, but the model has 1 class\.$"):
        pair(["5"], 1)


def test_sorted_order_serves_a_model_without_names() -> None:
    pairing = pair(["hat", "Boot", "class_2", "class_3"], 4)
    assert pairing.rule == PairingRule.SORTED
    assert pairing.index == {"Boot": 0, "class_2": 1, "class_3": 2, "hat": 3}


@pytest.mark.parametrize(
    ("labels", "as_text", "as_timm"),
    [
        (["class_1", "class_2", "class_10"], "output 1 is 'class_10'", "'class_2'"),
        (["Zebra", "apple"], "output 0 is 'Zebra'", "'apple'"),
        (["a" + "1" * 5000, "a2"], "output 0 is 'a1111", "'a2'"),
    ],
)
def test_an_uncertain_order_is_refused(labels: list[str], as_text: str, as_timm: str) -> None:
    """timm's `natural_key` sorts by numbers and without case, torchvision's ImageFolder as text."""
    with pytest.raises(DataError, match=f"As torchvision sorts them, as text .*{as_text}.*; as timm .*it is {as_timm}"):
        pair(labels, len(labels))


def test_a_digit_in_front_leaves_the_order_certain() -> None:
    assert pair(["car", "2_wheeler", "3_wheeler"], 3).index == {"2_wheeler": 0, "3_wheeler": 1, "car": 2}


def test_parts_of_a_set_are_no_classes() -> None:
    assert pair(["bus", "train"], 2).index == {"bus": 0, "train": 1}


def test_a_table_of_names_leaves_numbers_their_places() -> None:
    table = ClassTable(path=TABLE, names=("hat", "boot"))
    assert pair(["0", "1"], 2, None, table).index == {"0": 0, "1": 1}
    numbers = outputs_as_labels("val", ["1"], ModelClasses(outputs=2, names=("a", "b"), table=table))
    assert (numbers.rule, numbers.index, numbers.names) == (PairingRule.TABLE, {"1": 1}, ("hat", "boot"))
    with pytest.raises(DataError, match="names 2 classes, but the model has 3 outputs"):
        outputs_as_labels("val", ["1"], ModelClasses(outputs=3, table=table))


def test_a_table_decides_what_numbers_beside_images_are() -> None:
    table = ClassTable(path=TABLE, index={"1": 0, "2": 1})
    assert outputs_as_labels("val", ["1", "2"], ModelClasses(outputs=2, table=table)).index == {"1": 0, "2": 1}
    named = ClassTable(path=TABLE, names=("1", "10", "2"))
    assert outputs_as_labels("val", ["1", "2"], ModelClasses(outputs=3, table=named)).index == {"1": 0, "2": 2}


def test_numbers_that_are_the_names_of_other_outputs_are_refused() -> None:
    """A network of folders `1` to `10`, as torchvision sorts them, knows its outputs by those names."""
    model = ModelClasses(outputs=3, names=("1", "10", "2"))
    with pytest.raises(DataError, match="may be output 1, or the class that the model calls '1', which is output 0"):
        outputs_as_labels("val", ["1", "2"], model)
    digits = ModelClasses(outputs=3, names=("0", "1", "2"))
    assert outputs_as_labels("val", ["1", "2"], digits).index == {"1": 1, "2": 2}


@pytest.mark.parametrize("outputs", [3, 1000])
def test_a_count_that_does_not_fit_is_refused(outputs: int) -> None:
    with pytest.raises(DataError, match=f"2 class folders, but the model has {outputs:,} class"):
        pair(["hat", "boot"], outputs)


def test_a_table_of_names_stands_for_the_models() -> None:
    table = ClassTable(path=TABLE, names=("hat", "boot"))
    pairing = pair(["Boot", "hat"], 2, ["a", "b"], table)
    assert pairing.rule == PairingRule.TABLE
    assert pairing.index == {"Boot": 1, "hat": 0}
    assert pairing.names == ("hat", "boot")


def test_a_table_of_indices_decides_against_every_rule() -> None:
    table = ClassTable(path=TABLE, index={"1": 0, "10": 1, "2": 2})
    pairing = pair(["1", "10", "2"], 3, None, table)
    assert pairing.index == {"1": 0, "10": 1, "2": 2}
    assert pairing.names == ("1", "10", "2")


@pytest.mark.parametrize(
    ("table", "complaint"),
    [
        (ClassTable(path=TABLE, names=("hat",)), r"names 1 class, but the model has 2 outputs"),
        (ClassTable(path=TABLE, names=("cat", "dog")), r"none of its labels is among the names in classes\.csv"),
        (ClassTable(path=TABLE, index={"hat": 0}), r"says nothing of boot; it has hat"),
        (ClassTable(path=TABLE, index={"hat": 0, "boot": 2}), r"boot → 2, but the model's outputs are 0 to 1"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(table: ClassTable, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        pair(["hat", "boot"], 2, None, table)
