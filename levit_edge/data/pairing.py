"""Which output of a model a label of an image stands for: a folder's name, or what a table says of a file.

A wrong pairing measures another model's accuracy without a word, so labels are paired by what they say, never by their
place alone where anything else decides. Nothing else in levit_edge pairs labels with outputs.
"""

from collections.abc import Collection, Sequence

from levit_edge.data import imagenet
from levit_edge.data.class_order import require_certain_order
from levit_edge.data.class_table import ClassTable
from levit_edge.data.classes import ClassPairing, ModelClasses, PairingRule, placeholder_names
from levit_edge.data.pairing_rules import (
    ADVICE,
    by_indices,
    by_names,
    by_wordnet,
    listed_otherwise,
    names_of_numbers,
    refuse_doubles,
)
from levit_edge.errors import DataError
from levit_edge.text import counted, listed

__all__ = ["outputs_as_labels", "pair_classes"]


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
    rules = [by_wordnet, by_names, by_indices]
    if in_order and names is None and listed_otherwise(source, labels, outputs):
        rules.remove(by_indices)
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
    return ClassPairing(rule=rule, index=index, names=tuple(names or names_of_numbers(model.outputs, 0)))


def _by_table(
    source: object, labels: Sequence[str], outputs: int, names: Sequence[str] | None, table: ClassTable
) -> ClassPairing:
    if (stated := _stated_names(table, outputs)) is not None:
        place_of = {wordnet_id: place for place, wordnet_id in enumerate(table.wordnet_ids or ())}
        if labels and place_of.keys() >= set(labels):
            index = {label: place_of[label] for label in labels}
            return ClassPairing(rule=PairingRule.TABLE, index=index, names=stated)
        pairs = (pair(source, labels, outputs, stated) for pair in (by_wordnet, by_names, by_indices))
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
    refuse_doubles(source, index, f"in {table.path}")
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


def _unmet(
    source: object, labels: Sequence[str], names: Sequence[str], whose: str = "the model's classes"
) -> DataError:
    return DataError(
        f"{source}: none of its labels is among {whose}. Labels: {listed(labels, 10)}. "
        f"Classes: {listed(names, 10)}. These are images of another task, or names in other words. {ADVICE}"
    )
