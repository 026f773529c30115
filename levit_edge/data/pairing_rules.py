"""The rules by which labels are paired with outputs, each for itself; `levit_edge.data.pairing` has their order.

A rule gives None where the labels are not of its kind, and raises a DataError where they are and cannot be paired.
"""

import re
from collections.abc import Mapping, Sequence

from levit_edge.data import imagenet
from levit_edge.data.class_names import Forms, same_class
from levit_edge.data.class_order import require_certain_order
from levit_edge.data.classes import ClassPairing, PairingRule
from levit_edge.errors import DataError
from levit_edge.text import counted, listed

__all__ = [
    "ADVICE",
    "by_indices",
    "by_names",
    "by_wordnet",
    "is_imagenets",
    "listed_otherwise",
    "names_of_numbers",
    "refuse_doubles",
]

WHOLE_NUMBER = re.compile(r"[0-9]{1,9}")
ADVICE = "Say which is which with --classes FILE: a name for each output on a line of its own, or folder,index lines."


def by_wordnet(source: object, labels: Sequence[str], outputs: int, names: Sequence[str] | None) -> ClassPairing | None:
    """By ImageNet's own order for 1,000 outputs; otherwise, or if the model's names say another, by the names."""
    classes = imagenet.classes()
    place_of = {each.synset: place for place, each in enumerate(classes)}
    if not labels or not all(label in place_of for label in labels):
        return None
    if is_imagenets(outputs, names):
        index = {label: place_of[label] for label in labels}
        return ClassPairing(rule=PairingRule.WORDNET, index=index, names=tuple(names or imagenet.class_names()))
    if names is None:
        return None
    forms = Forms(names)
    found = {label: forms.places(classes[place_of[label]].spellings) for label in labels}
    if not any(found.values()):
        return None
    return ClassPairing(rule=PairingRule.WORDNET, index=_single(source, found, names), names=tuple(names))


def is_imagenets(outputs: int, names: Sequence[str] | None) -> bool:
    """Whether these are ImageNet's 1,000 classes in the order of WordNet ids, as far as is known."""
    classes = imagenet.classes()
    return outputs == len(classes) and (
        names is None or all(same_class(name, each.spellings) for name, each in zip(names, classes, strict=True))
    )


def by_names(source: object, labels: Sequence[str], _outputs: int, names: Sequence[str] | None) -> ClassPairing | None:
    """By the model's own names: letter by letter, or else in normal form."""
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


def by_indices(source: object, labels: Sequence[str], outputs: int, names: Sequence[str] | None) -> ClassPairing | None:
    """By whole numbers that are indices, from 0 or from 1."""
    if not labels or not all(WHOLE_NUMBER.fullmatch(label) for label in labels):
        return None
    numbers = {label: int(label) for label in labels}
    low, high = min(numbers.values()), max(numbers.values())
    many = counted(outputs, "class")
    if high > outputs or (low == 0 and high == outputs):
        raise DataError(f"{source}: its labels are numbers from {low} to {high}, but the model has {many}.")
    if low > 0 and high < outputs:
        raise DataError(
            f"{source}: its labels are numbers from {low} to {high}, and the model has {many}: whether they "
            f"are counted from 0 or from 1 cannot be told. {ADVICE}"
        )
    first = 0 if low == 0 else 1
    if first:
        _require_order_from_one(source, labels, outputs, names)
    index = {label: number - first for label, number in numbers.items()}
    refuse_doubles(source, index, "as numbers")
    return ClassPairing(
        rule=PairingRule.INDICES_FROM_ONE if first else PairingRule.INDICES,
        index=index,
        names=tuple(names or names_of_numbers(outputs, first)),
    )


def listed_otherwise(source: object, labels: Sequence[str], outputs: int) -> bool:
    """Whether numbers, one for each output, have other places in the images' own list, as folders sorted as text have.

    Raises:
        DataError: they do, and a model with ImageNet's number of outputs may have either order.
    """
    if len(labels) != outputs or not all(WHOLE_NUMBER.fullmatch(label) for label in labels):
        return False
    here = next((place for place, label in enumerate(labels) if int(label) != place), None)
    if here is not None and is_imagenets(outputs, None):
        raise DataError(
            f"{source}: its classes are numbers, and in the order of its own list output {here} is {labels[here]!r}."
            f" Whether a model of {outputs:,} outputs without names has that order or the numbers' cannot be told."
            f" {ADVICE}"
        )
    return here is not None


def _require_order_from_one(source: object, labels: Sequence[str], outputs: int, names: Sequence[str] | None) -> None:
    """Refuse numbers from 1 that sort as text otherwise than by number, and those of ImageNet's classes."""
    if is_imagenets(outputs, names):
        raise DataError(
            f"{source}: its labels are numbers from 1 to {outputs:,}. ImageNet's development kit numbers the classes so"
            f" in an order of its own, and others by WordNet ids or as text: which it is cannot be told. {ADVICE}"
        )
    if min(map(len, labels)) < len(str(outputs)):
        require_certain_order(source, [str(number) for number in range(1, outputs + 1)])


def names_of_numbers(outputs: int, first: int) -> Sequence[str]:
    """ImageNet's names for as many classes as it has; else the numbers."""
    names = imagenet.class_names()
    return names if outputs == len(names) else [str(place + first) for place in range(outputs)]


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
    refuse_doubles(source, index, "among the model's classes")
    return index


def refuse_doubles(source: object, index: Mapping[str, int], where: str) -> None:
    """Refuse two labels of one output; `where` says by what they are."""
    label_of: dict[int, str] = {}
    for label, place in index.items():
        if place in label_of:
            raise DataError(f"{source}: {label_of[place]!r} and {label!r} are the same class, {place}, {where}.")
        label_of[place] = label
