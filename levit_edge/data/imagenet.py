"""The 1000 classes of ImageNet-1k, in the order of a model's outputs."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

__all__ = ["ImagenetClass", "class_names", "classes", "readable", "synsets"]


@dataclass(frozen=True, kw_only=True)
class ImagenetClass:
    """One of the classes."""

    synset: str
    """Its WordNet id, such as "n01440764"."""
    names: str
    """All its names, such as "tench, Tinca tinca"."""

    @property
    def name(self) -> str:
        """The first of its names."""
        return self.names.split(",")[0]

    @property
    def spellings(self) -> tuple[str, str]:
        """What a model may call it."""
        return (self.synset, self.names)


def synsets() -> tuple[str, ...]:
    """The WordNet id of each class, such as "n01440764"."""
    return tuple(each.synset for each in classes())


def class_names() -> tuple[str, ...]:
    """The first name of each class, such as "tench". Two pairs of classes share a name: crane and maillot."""
    return tuple(each.name for each in classes())


def readable(folders: tuple[str, ...]) -> tuple[str, ...]:
    """Folder names with each WordNet id of ImageNet-1k replaced by the class's name."""
    names = {each.synset: each.name for each in classes()}
    return tuple(names.get(folder, folder) for folder in folders)


@cache
def classes() -> tuple[ImagenetClass, ...]:
    """All 1000."""
    text = files("levit_edge.data").joinpath("imagenet_classes.csv").read_text(encoding="utf-8")
    return tuple(
        ImagenetClass(synset=row["wordnet_id"], names=row["names"]) for row in csv.DictReader(text.splitlines())
    )
