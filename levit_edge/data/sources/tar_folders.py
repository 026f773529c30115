"""Class folders in tar files, one of them or several, and tar files in a folder that are a class each."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from levit_edge.data.imagefolder import PARTS_OF_A_SET, arrange_images
from levit_edge.data.locations import Span
from levit_edge.data.sources.found import WORDNET_ID, Found, LabelKind, Labels, folder_kind
from levit_edge.device.file_kinds import is_hidden_path
from levit_edge.errors import DataError
from levit_edge.text import listed

__all__ = ["are_called_as_classes", "find_class_folders", "find_classes_by_name", "not_one_set", "require_one_part"]

InTars = Mapping[Path, Mapping[str, Span]]
"""The images of each tar file, by their paths in it."""


def find_class_folders(
    source: str, images: InTars, folders: Iterable[str], passed_over: Mapping[str, int], *, one_set: bool
) -> Found | None:
    """The images of tar files in class folders, in whatever folder these all are; of one tar file also images alone.

    Args:
        source: as the user named it.
        images: those of each tar file.
        folders: the folders that the tar files list, those without images too.
        passed_over: how many of their files are no images, by what they are.
        one_set: whether it is known that the files are parts of one set. If not, their names have to differ in numbers
            only, or each has to have classes of its own.

    Returns:
        The images; None for several tar files of images alone.

    Raises:
        DataError: there are no images, or it cannot be told which folders are classes.
    """
    roots = _roots(source, images)
    inside = {path: {name.removeprefix(roots[path]): span for name, span in of.items()} for path, of in images.items()}
    if len(images) > 1 and not any("/" in name for each in inside.values() for name in each):
        return None
    if len(images) > 1:
        _require_parts(source, inside, one_set=one_set)
    spans = {name: span for each in inside.values() for name, span in each.items()}
    arrangement = arrange_images(source, spans, (), passed_over)
    labels = None
    if arrangement.folders is not None:
        tops = {
            _first(name.removeprefix(root)) for root in {*roots.values()} for name in folders if name.startswith(root)
        }
        labels = Labels(
            kind=folder_kind(arrangement.folders),
            of_images=tuple(_first(name) for name in arrangement.images),
            classes=tuple(
                sorted({*arrangement.folders, *(each for each in tops if each and not is_hidden_path(each))})
            ),
            told_by="its folders",
        )
    return Found(
        source=source,
        layout="a tar file" if len(images) == 1 else "class folders in tar files",
        images=tuple(spans[name] for name in arrangement.images),
        names=arrangement.images,
        labels=labels,
        passed_over=passed_over,
    )


def are_called_as_classes(images: InTars) -> bool:
    """Whether tar files of images alone, which the user says are one set, are classes.

    Shards have numbers, or lie in several folders, where some have one name.
    """
    words = [path.stem.lower() for path in images]
    if len(set(words)) < len(words) or not all(images.values()):
        return False
    return not any(re.search("[0-9]", word) or word in PARTS_OF_A_SET for word in words)


def find_classes_by_name(source: str, images: InTars, passed_over: Mapping[str, int]) -> Found:
    """The images of tar files that hold images alone, each of the class that it is called by.

    Raises:
        DataError: their names differ in numbers only, as those of shards do, or not at all, or one has no images.
    """
    of_class = {path.stem: path for path in images}
    if len(of_class) < len(images) or _are_numbered([*of_class]) or not all(images.values()):
        raise not_one_set(source, [path.name for path in images])
    named = [
        (f"{label}/{name.rpartition('/')[2]}", span, label)
        for label, path in sorted(of_class.items())
        for name, span in sorted(images[path].items())
    ]
    labels = Labels(
        kind=LabelKind.FOLDERS,
        of_images=tuple(label for _, _, label in named),
        classes=tuple(sorted(of_class)),
        told_by="the names of its tar files",
    )
    return Found(
        source=source,
        layout="a tar file for each class",
        images=tuple(span for _, span, _ in named),
        names=tuple(name for name, _, _ in named),
        labels=labels,
        passed_over=passed_over,
    )


def require_one_part(source: str, names: Sequence[str]) -> None:
    """Refuse tar files of a folder that are called like different parts of a set, such as training and validation.

    Raises:
        DataError: they are.
    """
    parts = {frozenset(PARTS_OF_A_SET.intersection(re.split("[^a-z]+", name.lower()))) for name in names}
    if len(parts - {frozenset()}) > 1:
        raise not_one_set(source, names)


def not_one_set(source: str, names: Sequence[str]) -> DataError:
    """What to say of tar files in a folder of which it cannot be told what they are to each other."""
    return DataError(
        f"{source}: {len(names)} tar files ({listed(names, 3)}): give one of them; or all, if they are shards of one"
        f" set: '{source}/*.tar'; or unpack each into a folder of its name, if it is a class"
    )


def _roots(source: str, images: InTars) -> dict[Path, str]:
    """The folder in each tar file that the class folders, or images alone, are in, with a slash at its end.

    That is the deepest one that all of them share. Where several tar files each have one folder of their own below it,
    these are classes if images lie right in them, and roots if WordNet ids do; else it cannot be told.
    """
    shared = _common_folder([name for each in images.values() for name in each])
    tops = {} if len(images) == 1 else {path: _single_top(each, shared) for path, each in images.items()}
    if not tops or None in tops.values() or len(set(tops.values())) < len(tops):
        return dict.fromkeys(images, shared)
    own = {path: f"{shared}{top}/" for path, top in tops.items()}
    inside = [name.removeprefix(own[path]) for path, each in images.items() for name in each]
    if all(WORDNET_ID.fullmatch(_first(name)) for name in inside):
        return own
    of_shards = _are_numbered([path.stem for path in tops]) and all(path.stem == top for path, top in tops.items())
    are_ids = all(WORDNET_ID.fullmatch(top or "") for top in tops.values())
    if not are_ids and (of_shards or any("/" in name for name in inside)):
        raise DataError(
            f"{source}: each of its {len(images)} tar files has a folder of its own"
            f" ({listed(sorted(map(str, tops.values())), 3)}), and whether these are the classes cannot be told. Unpack"
            " the files, and give the folder in which the class folders are"
        )
    return dict.fromkeys(images, shared)


def _single_top(names: Iterable[str], shared: str) -> str | None:
    """The folder right below `shared` that all of `names` are in; None if there are several, or images beside it."""
    tops = {name.removeprefix(shared).rpartition("/")[0].partition("/")[0] for name in names}
    return next(iter(tops)) or None if len(tops) == 1 else None


def _require_parts(source: str, inside: InTars, *, one_set: bool) -> None:
    """Refuse tar files that have an image of one path, or of which it is not known that they are one set."""
    holder: dict[str, Path] = {}
    of_class: dict[str, Path] = {}
    apart = True
    for path, images in inside.items():
        for name in images:
            if holder.setdefault(name, path) != path:
                raise DataError(
                    f"{source}: {holder[name].name} and {path.name} both hold {name}: they are two sets, or one twice."
                    " Give one of them"
                )
            apart = apart and of_class.setdefault(_first(name), path) == path
    if not (one_set or apart or _are_numbered([path.stem for path in inside])):
        raise not_one_set(source, [path.name for path in inside])


def _are_numbered(names: Sequence[str]) -> bool:
    """Whether names differ in numbers only, as those of shards do."""
    return len({re.sub("[0-9]+", "0", name) for name in names}) == 1


def _common_folder(names: Sequence[str]) -> str:
    """The folder that all of them are in, with a slash at its end; none if there are several right below the top.

    A folder named by a WordNet id is a class, and nothing else's.
    """
    if not names:
        return ""
    first, last = min(names).split("/")[:-1], max(names).split("/")[:-1]
    shared = []
    for one, other in zip(first, last, strict=False):
        if one != other or WORDNET_ID.fullmatch(one):
            break
        shared.append(f"{one}/")
    return "".join(shared)


def _first(name: str) -> str:
    return name.partition("/")[0]
