"""A model's classes, and which output each label of images stands for: `levit_edge.data.pairing` decides that."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from levit_edge.data.class_table import ClassTable, read_class_table
from levit_edge.text import counted

__all__ = [
    "ClassPairing",
    "ModelClasses",
    "PairingRecord",
    "PairingRule",
    "placeholder_names",
]


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
