"""Finds images by the names that lists and tables call them, and reads lists of names."""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from levit_edge.device.file_kinds import EXTENSIONS
from levit_edge.errors import DataError
from levit_edge.places import unreadable
from levit_edge.text import counted, listed, of_them

__all__ = ["Names", "read_only", "read_text", "without_extension"]

BEFORE_CLASS = re.compile(rf"(.*?(?i:{'|'.join(re.escape(each) for each in sorted(EXTENSIONS))}))[\s,;]")
MOST_BYTES = 256 << 20
"""Of a list: a million names have 40 MB."""


class Names:
    """The images of a source by what others may call them.

    That is a path of which one is the end of the other, such as `val/1.jpg` and `1.jpg`, with or without its ending.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self._exact = {name: place for place, name in enumerate(names)}
        self._by_stem: dict[str, list[int]] = {}
        for place, name in enumerate(names):
            self._by_stem.setdefault(_stem(name), []).append(place)

    def place(self, name: str) -> int | None:
        """Which image `name` stands for; None if it is none or several."""
        alike = self._alike(name)
        return alike[0] if len(alike) == 1 else None

    def _alike(self, name: str) -> list[int]:
        called = name.replace("\\", "/").removeprefix("./")
        if (exact := self._exact.get(called)) is not None:
            return [exact]
        return [place for place in self._by_stem.get(_stem(called), ()) if _alike(called, self.names[place])]

    def absent(self, called: Sequence[str], source: str) -> str:
        """What to say of names that stand for no image of `source`, or for several."""
        several = [name for name in called if len(self._alike(name)) > 1]
        if several:
            return f"{len(several):,} of them may be any of several images of {source}: {listed(several, 3)}"
        return f"{of_them(len(called))} not in {source}: {listed(called, 3)}"

    def places(self, named: Iterable[tuple[str, str]], told_by: object) -> Iterator[int | None]:
        """Which image each of `named` stands for, given with where it stands; None for what is not there.

        Raises:
            DataError: one is there twice; both places are given.
        """
        seen: dict[int, tuple[str, str]] = {}
        for name, where in named:
            place = self.place(name)
            if place is not None and place in seen:
                raise DataError(f"{told_by}: {seen[place][1]} and {where} are both about {self.names[place]}")
            if place is not None:
                seen[place] = name, where
            yield place


def read_only(path: Path, names: Sequence[str], source: str) -> list[int]:
    """Which images of `source`, by their `names`, the list in `path` has, in the images' order.

    Each line is a name, with a class behind it or not, which is not looked at.

    Raises:
        DataError: the list cannot be read, is empty, or names an image twice or one that is not there.
    """
    lines = [(line.strip(), f"line {number}") for number, line in enumerate(read_text(path).splitlines(), 1)]
    lines = [(line, where) for line, where in lines if line]
    known = Names(names)
    named = [(_named(line, known), where) for line, where in lines]
    found = list(known.places(named, path))
    missing = [name for (name, _), place in zip(named, found, strict=True) if place is None]
    if missing:
        raise DataError(f"{path} lists {counted(len(named), 'image')}, but {known.absent(missing, source)}")
    if not found:
        raise DataError(f"{path}: there are no names in it; expected one image of {source} on each line")
    return sorted(place for place in found if place is not None)


def read_text(path: Path) -> str:
    """The text of a list.

    Raises:
        DataError: it cannot be read, or is no text in UTF-8.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"{path}: more than {MOST_BYTES >> 20} MiB, expected a list of images")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path} {unreadable(error)}; expected a list of images") from error
    except ValueError as error:
        raise DataError(f"{path}: not text in UTF-8; expected a list of images") from error


def without_extension(name: str) -> str:
    """`name` without the ending of an image, if it has one."""
    stem, dot, ending = name.rpartition(".")
    return stem if f"{dot}{ending}".lower() in EXTENSIONS else name


def _named(line: str, known: Names) -> str:
    """The name of an image in `line`, which may have spaces, and a class behind it."""
    match = BEFORE_CLASS.match(line)
    likely = line if without_extension(line) != line else line.split(maxsplit=1)[0] if match is None else match[1]
    called = (line, likely, line.rpartition(" ")[0])
    return next((name for name in called if known.place(name) is not None), likely)


def _stem(name: str) -> str:
    return without_extension(name.rpartition("/")[2])


def _alike(called: str, name: str) -> bool:
    """Whether one of two paths, which end alike but for the ending, is the end of the other."""
    if without_extension(called) != called and called.rpartition(".")[2].lower() != name.rpartition(".")[2].lower():
        return False
    both = [f"/{each}".rpartition("/")[0] + "/" for each in (called, name)]
    return both[0].endswith(both[1]) or both[1].endswith(both[0])
