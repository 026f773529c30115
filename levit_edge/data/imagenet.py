"""The 1000 classes of ImageNet-1k, in the order of a model's outputs."""

import csv
from functools import cache
from importlib.resources import files

__all__ = ["class_names", "readable", "synsets"]


def synsets() -> tuple[str, ...]:
    """The WordNet id of each class, such as "n01440764"."""
    return tuple(synset for synset, _ in _classes())


def class_names() -> tuple[str, ...]:
    """The first name of each class, such as "tench". Two pairs of classes share a name: crane and maillot."""
    return tuple(name for _, name in _classes())


def readable(folders: tuple[str, ...]) -> tuple[str, ...]:
    """Folder names with each WordNet id of ImageNet-1k replaced by the class's name."""
    names = dict(_classes())
    return tuple(names.get(folder, folder) for folder in folders)


@cache
def _classes() -> tuple[tuple[str, str], ...]:
    text = files("levit_edge.data").joinpath("imagenet_classes.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return tuple((row["wordnet_id"], row["names"].split(",")[0]) for row in rows)
