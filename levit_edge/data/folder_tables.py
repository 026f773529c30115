"""What is known of folders of images before any is seen, as tables: for pages, which read and pair them in a browser.

`web_demo/page/classes.js` normalises what folders are called, looks it up here and refuses what `pair_classes` refuses;
`image_folder.js` tells images from other files as `levit_edge.device.file_kinds` does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from levit_edge.data import imagenet
from levit_edge.data.class_names import Forms
from levit_edge.data.classes import ModelClasses
from levit_edge.data.imagefolder import PARTS_OF_A_SET
from levit_edge.data.pairing_rules import is_imagenets
from levit_edge.device.file_kinds import ENDINGS, SYSTEMS
from levit_edge.device.formats import AVIF, FORMATS

__all__ = ["FileTable", "PairingTable"]

Places = Mapping[str, Sequence[int]]
"""What a folder may be called -> the outputs that this may mean, from 0."""


@dataclass(frozen=True, kw_only=True)
class PairingTable:
    """Which outputs of a model its folders may stand for."""

    named: bool
    """Whether the model names its classes; else folders may have their places in sorted order."""
    imagenets: bool
    """Whether they are ImageNet's in the order of WordNet ids, as far as is known."""
    wordnet_ids: Places
    """Of all of ImageNet's classes, those that the model lacks too; none where ids say nothing of a model's outputs."""
    names: Places
    """As the model has them."""
    forms: Places
    """In normal form."""
    parts: Places
    """Of names that are lists, such as "tench, Tinca tinca", each in normal form."""

    @classmethod
    def of(cls, model: ModelClasses) -> "PairingTable":
        """That of a model, whose `table` is not looked at."""
        names = model.names or ()
        forms, imagenets = Forms(names), is_imagenets(model.outputs, model.names)
        ids: dict[str, list[int]] = {}
        if imagenets or names:
            for place, each in enumerate(imagenet.classes()):
                ids[each.synset] = [place] if imagenets else forms.places(each.spellings)
        exact: dict[str, list[int]] = {}
        for place, name in enumerate(names):
            exact.setdefault(name, []).append(place)
        return cls(
            named=bool(names),
            imagenets=imagenets,
            wordnet_ids=ids,
            names=exact,
            forms=_sorted(forms.whole),
            parts=_sorted(forms.parts),
        )


@dataclass(frozen=True, kw_only=True)
class FileTable:
    """What files are, by their names."""

    endings: Mapping[str, str]
    """Ending, without its full stop -> format, or what else such files are counted as."""
    read: Sequence[str]
    """The formats that are read; AVIF with them, whatever the Pillow here can: browsers can."""
    systems: Sequence[str]
    parts_of_a_set: Sequence[str]

    @classmethod
    def of_levit_edge(cls) -> "FileTable":
        """That by which levit-edge itself goes."""
        return cls(
            endings={ending[1:]: kind for kind, endings in ENDINGS.items() for ending in endings},
            read=sorted({*FORMATS, AVIF}),
            systems=sorted(SYSTEMS),
            parts_of_a_set=sorted(PARTS_OF_A_SET),
        )


def _sorted(places: Mapping[str, set[int]]) -> dict[str, list[int]]:
    """In an order that is the same each time, as packages are."""
    return {form: sorted(outputs) for form, outputs in sorted(places.items())}
