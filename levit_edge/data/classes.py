"""Which output of a model a label of an image stands for: a folder's name, or what a table says of a file.

A wrong pairing measures another model's accuracy without a word, so labels are paired by what they say, never by their
place alone where anything else decides. Nothing else in levit_edge pairs labels with outputs.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from levit_edge.data import imagenet
from levit_edge.data.class_names import Forms, same_class
from levit_edge.data.class_order import require_certain_order
from levit_edge.data.class_table import ClassTable, read_class_table
from levit_edge.errors import DataError
from levit_edge.text import counted, listed

__all__ = [
    "ClassPairing",
    "ModelClasses",
    "PairingRecord",
    "PairingRule",
    "outputs_as_labels",
    "pair_classes",
    "placeholder_names",
]

WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")
ADVICE = "Say which is which with --classes FILE: a name for each output on a line of its own, or folder,index lines."


class PairingRule(StrEnum):
    """What decided which output each label stands for; as reports and manifests say it."""

    TABLE = "the table of classes"
    """The user's `--classes`: who gives it knows better than any rule."""
    WORDNET = "WordNet ids"
    NAMES = "class names"
    """The model's own names, letter by letter."""
    NORMAL_NAMES = "class names in normal form"
    """The model's own names, see `normal_form`."""
    INDICES = "indices"
    """Whole numbers from 0, or from 1."""
    INDICES_FROM_ONE = "indices from 1"
    LISTED = "the order of the images' own list of classes"
    """As a set of data numbers them, for a model without names."""
    SORTED = "sorted order"
    """The place among the sorted labels: the model has no names, and the labels no other order."""


@dataclass(frozen=True, kw_only=True)
class ModelClasses:
    """What is known of a model's classes before its images are seen."""

    outputs: int
    names: tuple[str, ...] | None = None
    """Its own class names in the order of its outputs; None if it has none."""
    table: ClassTable | None = None
    """What the user says."""

    @classmethod
    def of(cls, outputs: int, names: Sequence[str] | None, table: Path | None) -> "ModelClasses":
        """Those of a model with `names`, which may be the placeholders of a bundle, and of the user's `--classes` file.

        Raises:
            DataError: the file is no table of classes.
        """
        own = None if names is None or tuple(names) == placeholder_names(outputs) else tuple(names)
        return cls(outputs=outputs, names=own, table=None if table is None else read_class_table(table))


def placeholder_names(outputs: int) -> tuple[str, ...]:
    """What the outputs of a model are called if nobody names them."""
    return tuple(f"class {place}" for place in range(outputs))


@dataclass(frozen=True, kw_only=True)
class PairingRecord:
    """How the labels of a set of images were paired with a model's outputs; kept with what was measured on them."""

    rule: PairingRule
    labels: int
    """How many labels there are."""
    outputs: int

    @property
    def sentence(self) -> str:
        """What was decided, and how, for people."""
        return f"{self.labels} of {counted(self.outputs, 'class')}, paired by {self.rule}"


@dataclass(frozen=True, kw_only=True)
class ClassPairing:
    """The output that each label of a set of images stands for."""

    rule: PairingRule
    index: Mapping[str, int]
    """The output of each label, from 0."""
    names: tuple[str, ...]
    """What each output is called, those without images too."""

    @property
    def record(self) -> PairingRecord:
        """What a verification says of it."""
        return PairingRecord(rule=self.rule, labels=len(self.index), outputs=len(self.names))


def pair_classes(
    source: object,
    labels: Sequence[str],
    model: ModelClasses,
    *,
    in_order: bool = False,
    empty: Collection[str] = (),
) -> ClassPairing:
    """Pair the `labels` of the images in `source` with the outputs of a model.

    The user's table decides if there is one. Otherwise, in this order: WordNet ids of ImageNet-1k; the model's own
    names, exactly or else in their `normal_form`; whole numbers that are indices; and sorted order, only for a model
    without names, if there is one label per output and torchvision and timm sort them alike. The order of the images'
    own list goes before sorted order, and where it has one label per output before what numbers as names say.

    Args:
        source: where the images are, for messages.
        labels: what the images are labelled with, each once: class folders, those without images too.
        model: its outputs, and what they are called.
        in_order: whether the order of `labels` is the one in which the images' own list numbers the classes.
        empty: those of `labels` that no image has, for messages.

    Raises:
        DataError: the labels cannot be paired for certain; both lists are shown.
    """
    try:
        return _pair(source, labels, model, in_order=in_order)
    except DataError as error:
        if not empty:
            raise
        raise _of_empty(source, labels, model, empty, error) from error


def _pair(source: object, labels: Sequence[str], model: ModelClasses, *, in_order: bool) -> ClassPairing:
    outputs, names = model.outputs, model.names
    if names is not None and len(names) != outputs:
        raise DataError(
            f"The model has {counted(outputs, 'output')} and {counted(len(names), 'class name')}: {listed(names)}."
        )
    if model.table is not None:
        return _by_table(source, labels, outputs, names, model.table)
    rules = [_by_wordnet, _by_names, _by_indices]
    if in_order and names is None and _listed_otherwise(source, labels, outputs):
        rules.remove(_by_indices)
    for pair in rules:
        paired = pair(source, labels, outputs, names)
        if paired is not None:
            return paired
    if names is not None:
        raise _unmet(source, labels, names)
    return _by_order(source, labels, outputs, in_order=in_order)


def _of_empty(
    source: object, labels: Sequence[str], model: ModelClasses, empty: Collection[str], error: DataError
) -> DataError:
    """What to say where labels without images are among those that cannot be paired: without them they may be."""
    filled = [label for label in labels if label not in empty]
    without = listed([label for label in labels if label in empty])
    try:
        _pair(source, filled, model, in_order=False)
    except DataError:
        return DataError(f"{error} There are no images of {without}: an empty folder is a class too.")
    return DataError(
        f"{source}: there are no images of {without}, and the model has no such class beside {listed(filled)}. Remove "
        "the folder if it is none, or add its images."
    )


def outputs_as_labels(source: object, labels: Sequence[str], model: ModelClasses) -> ClassPairing:
    """The pairing of `labels` that are known to be the numbers of a model's outputs, from 0, unless a table says more.

    Raises:
        DataError: the model has fewer outputs, or calls another one by such a number.
    """
    table = model.table
    if table is not None and (table.names is None or not set(labels).isdisjoint(table.names)):
        return pair_classes(source, labels, model)
    names = model.names if table is None else _stated_names(table, model.outputs)
    index = {label: int(label) for label in labels}
    for label, place in index.items():
        if names is not None and label in names and names[place : place + 1] != (label,):
            raise DataError(
                f"{source}: an image has the label {label}: that may be output {place}, or the class that the model "
                f"calls {label!r}, which is output {names.index(label)}. {ADVICE}"
            )
    label = max(index, key=index.__getitem__)
    if index[label] >= model.outputs:
        raise DataError(
            f"{source}: an image has the label {label}, but the model has {counted(model.outputs, 'class')}."
        )
    rule = PairingRule.INDICES if table is None else PairingRule.TABLE
    return ClassPairing(rule=rule, index=index, names=tuple(names or _names_of_numbers(model.outputs, 0)))


def _by_table(
    source: object, labels: Sequence[str], outputs: int, names: Sequence[str] | None, table: ClassTable
) -> ClassPairing:
    if (stated := _stated_names(table, outputs)) is not None:
        place_of = {wordnet_id: place for place, wordnet_id in enumerate(table.wordnet_ids or ())}
        if labels and place_of.keys() >= set(labels):
            index = {label: place_of[label] for label in labels}
            return ClassPairing(rule=PairingRule.TABLE, index=index, names=stated)
        pairs = (pair(source, labels, outputs, stated) for pair in (_by_wordnet, _by_names, _by_indices))
        paired = next((each for each in pairs if each is not None), None)
        if paired is None:
            raise _unmet(source, labels, stated, f"the names in {table.path}")
        return ClassPairing(rule=PairingRule.TABLE, index=paired.index, names=stated)
    of_label = table.index or {}
    missing = [label for label in labels if label not in of_label]
    if missing:
        raise DataError(
            f"{source}: {table.path} says nothing of {listed(missing)}; it has {listed(list(of_label))}. "
            "Add a line for each."
        )
    far = [f"{label} → {index}" for label, index in of_label.items() if index >= outputs]
    if far:
        raise DataError(f"{table.path}: {listed(far)}, but the model's outputs are 0 to {outputs - 1}.")
    index = {label: of_label[label] for label in labels}
    _refuse_doubles(source, index, f"in {table.path}")
    by_index = {place: label for label, place in of_label.items()}
    return ClassPairing(
        rule=PairingRule.TABLE,
        index=index,
        names=tuple(names or (by_index.get(place, name) for place, name in enumerate(placeholder_names(outputs)))),
    )


def _stated_names(table: ClassTable, outputs: int) -> tuple[str, ...] | None:
    if table.names is not None and len(table.names) != outputs:
        raise DataError(
            f"{table.path} names {counted(len(table.names), 'class')}, but the model has {counted(outputs, 'output')}."
        )
    return table.names


def _by_wordnet(
    source: object, labels: Sequence[str], outputs: int, names: Sequence[str] | None
) -> ClassPairing | None:
    """By ImageNet's own order for 1,000 outputs; otherwise, or if the model's names say another, by the names."""
    classes = imagenet.classes()
    place_of = {each.synset: place for place, each in enumerate(classes)}
    if not labels or not all(label in place_of for label in labels):
        return None
    if _is_imagenets(outputs, names):
        index = {label: place_of[label] for label in labels}
        return ClassPairing(rule=PairingRule.WORDNET, index=index, names=tuple(names or imagenet.class_names()))
    if names is None:
        return None
    forms = Forms(names)
    found = {label: forms.places(classes[place_of[label]].spellings) for label in labels}
    if not any(found.values()):
        return None
    return ClassPairing(rule=PairingRule.WORDNET, index=_single(source, found, names), names=tuple(names))


def _is_imagenets(outputs: int, names: Sequence[str] | None) -> bool:
    """Whether these are ImageNet's 1,000 classes in the order of WordNet ids, as far as is known."""
    classes = imagenet.classes()
    return outputs == len(classes) and (
        names is None or all(same_class(name, each.spellings) for name, each in zip(names, classes, strict=True))
    )


def _by_names(source: object, labels: Sequence[str], _outputs: int, names: Sequence[str] | None) -> ClassPairing | None:
    if names is None or not labels:
        return None
    if set(labels) <= set(names):
        found = {label: [place for place, name in enumerate(names) if name == label] for label in labels}
        return ClassPairing(rule=PairingRule.NAMES, index=_single(source, found, names), names=tuple(names))
    forms = Forms(names)
    found = {label: forms.places((label,)) for label in labels}
    if not any(found.values()):
        return None
    return ClassPairing(rule=PairingRule.NORMAL_NAMES, index=_single(source, found, names), names=tuple(names))


def _by_indices(
    source: object, labels: Sequence[str], outputs: int, names: Sequence[str] | None
) -> ClassPairing | None:
    if not labels or not all(WHOLE_NUMBER.fullmatch(label) for label in labels):
        return None
    numbers = {label: int(label) for label in labels}
    low, high = min(numbers.values()), max(numbers.values())
    if high > outputs or (low == 0 and high == outputs):
        raise DataError(f"{source}: its labels are numbers from {low} to {high}, but the model has {outputs} classes.")
    if low > 0 and high < outputs:
        raise DataError(
            f"{source}: its labels are numbers from {low} to {high}, and the model has {outputs} classes: whether they "
            f"are counted from 0 or from 1 cannot be told. {ADVICE}"
        )
    first = 0 if low == 0 else 1
    if first:
        _require_order_from_one(source, labels, outputs, names)
    index = {label: number - first for label, number in numbers.items()}
    _refuse_doubles(source, index, "as numbers")
    return ClassPairing(
        rule=PairingRule.INDICES_FROM_ONE if first else PairingRule.INDICES,
        index=index,
        names=tuple(names or _names_of_numbers(outputs, first)),
    )


def _listed_otherwise(source: object, labels: Sequence[str], outputs: int) -> bool:
    """Whether numbers, one for each output, have other places in the images' own list, as folders sorted as text have.

    Raises:
        DataError: they do, and a model with ImageNet's number of outputs may have either order.
    """
    if len(labels) != outputs or not all(WHOLE_NUMBER.fullmatch(label) for label in labels):
        return False
    here = next((place for place, label in enumerate(labels) if int(label) != place), None)
    if here is not None and _is_imagenets(outputs, None):
        raise DataError(
            f"{source}: its classes are numbers, and in the order of its own list output {here} is {labels[here]!r}."
            f" Whether a model of {outputs:,} outputs without names has that order or the numbers' cannot be told."
            f" {ADVICE}"
        )
    return here is not None


def _require_order_from_one(source: object, labels: Sequence[str], outputs: int, names: Sequence[str] | None) -> None:
    """Refuse numbers from 1 that sort as text otherwise than by number, and those of ImageNet's classes."""
    if _is_imagenets(outputs, names):
        raise DataError(
            f"{source}: its labels are numbers from 1 to {outputs:,}. ImageNet's development kit numbers the classes so"
            f" in an order of its own, and others by WordNet ids or as text: which it is cannot be told. {ADVICE}"
        )
    if min(map(len, labels)) < len(str(outputs)):
        require_certain_order(source, [str(number) for number in range(1, outputs + 1)])


def _names_of_numbers(outputs: int, first: int) -> Sequence[str]:
    """ImageNet's names for as many classes as it has; else the numbers."""
    names = imagenet.class_names()
    return names if outputs == len(names) else [str(place + first) for place in range(outputs)]


def _by_order(source: object, labels: Sequence[str], outputs: int, *, in_order: bool) -> ClassPairing:
    if len(labels) != outputs:
        strangers = sorted(set(labels) - set(imagenet.synsets()))
        why = "" if outputs != len(imagenet.synsets()) else f" ImageNet's are WordNet ids, not {listed(strangers, 3)}."
        raise DataError(
            f"{source}: {counted(len(labels), 'class folder')}, but the model has {counted(outputs, 'class')}, and it"
            f" does not name them. Folders: {listed(labels, 10)}.{why} Expected one folder per class, in the order of"
            f" the classes. {ADVICE}"
        )
    if in_order:
        index = {label: place for place, label in enumerate(labels)}
        return ClassPairing(rule=PairingRule.LISTED, index=index, names=tuple(labels))
    require_certain_order(source, labels)
    in_text_order = sorted(labels)
    index = {label: place for place, label in enumerate(in_text_order)}
    return ClassPairing(rule=PairingRule.SORTED, index=index, names=tuple(in_text_order))


def _single(source: object, found: Mapping[str, Sequence[int]], names: Sequence[str]) -> dict[str, int]:
    """The one output of each label."""
    unknown = [label for label, places in found.items() if not places]
    if unknown:
        known = [label for label, places in found.items() if places]
        raise DataError(
            f"{source}: {listed(known, 3)} {'is' if len(known) == 1 else 'are'} among the model's classes, "
            f"but not {listed(unknown)}; the model's classes are {listed(names, 10)}. {ADVICE}"
        )
    for label, places in found.items():
        if len(places) > 1:
            called = listed([f"{names[place]!r} ({place})" for place in places])
            raise DataError(f"{source}: {label!r} may be any of the model's classes {called}. {ADVICE}")
    index = {label: places[0] for label, places in found.items()}
    _refuse_doubles(source, index, "among the model's classes")
    return index


def _refuse_doubles(source: object, index: Mapping[str, int], where: str) -> None:
    label_of: dict[int, str] = {}
    for label, place in index.items():
        if place in label_of:
            raise DataError(f"{source}: {label_of[place]!r} and {label!r} are the same class, {place}, {where}.")
        label_of[place] = label


def _unmet(
    source: object, labels: Sequence[str], names: Sequence[str], whose: str = "the model's classes"
) -> DataError:
    return DataError(
        f"{source}: none of its labels is among {whose}. Labels: {listed(labels, 10)}. "
        f"Classes: {listed(names, 10)}. These are images of another task, or names in other words. {ADVICE}"
    )
