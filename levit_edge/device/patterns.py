"""The images that match a pattern such as `2026/**/*.jpg`. Runs with Python 3.9: packages for boards have this file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from glob import has_magic
from pathlib import Path

from levit_edge.device.errors import DataError
from levit_edge.device.file_kinds import head_of, is_hidden_path, unread_kind, with_advice
from levit_edge.device.image_files import images_under


def images_matching(pattern: Path) -> tuple[list[Path], Counter[str]]:
    """The images among the files that match, and in the folders that do; each once, in the order of their paths.

    And how many files are no images that are read, by what they are. `**` follows no links to folders, as they may lead
    in circles; what is hidden or a system's own is passed over, unless the pattern spells its name.

    Raises:
        DataError: there are no images.
    """
    images: list[Path] = []
    passed_over: Counter[str] = Counter()
    for path in _outermost(pattern):
        if path.is_dir():
            names, counts = images_under(path)
            images += [path / name for name in names]
            passed_over.update(counts)
            continue
        kind = unread_kind(path.as_posix(), lambda _path, path=path: head_of(path))  # type: ignore[misc]
        if kind is None:
            images.append(path)
        else:
            passed_over[kind] += 1
    if not images:
        told = f" but {with_advice(passed_over)}" if passed_over else ""
        raise DataError(f"{pattern} does not exist, and as a pattern it matches no photograph{told}.")
    return images, passed_over


def _outermost(pattern: Path) -> Iterator[Path]:
    """What matches, in order, but for what lies in a folder that does: it comes with that."""
    taken: set[Path] = set()
    for path in sorted(_matches(pattern)):
        if not taken.intersection(path.parents):
            yield path
            if path.is_dir():
                taken.add(path)


def _matches(pattern: Path) -> list[Path]:
    parts = pattern.parts
    first = next(place for place, part in enumerate(parts) if has_magic(part))
    root, rest = Path(*parts[:first]), Path(*parts[first:])
    try:
        found = list(root.glob(str(rest)))
    except ValueError as error:  # `**` as a part of a name
        raise DataError(f"{pattern} does not exist, and is no pattern: {error}.") from None
    spelt = set(rest.parts)
    return [
        path
        for path in found
        if not any(is_hidden_path(part) and part not in spelt for part in path.relative_to(root).parts)
    ]
