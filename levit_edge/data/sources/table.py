"""Tables of images and their classes: CSV, TSV, or text such as Caffe's `val.txt`, with or without headings."""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from levit_edge.data.imagenet import synsets
from levit_edge.data.sources.devkit import TRUTH, VALIDATION_IMAGE
from levit_edge.data.sources.found import FORMS, LabelKind, Labels, kind_of
from levit_edge.data.sources.names import Names, read_text
from levit_edge.device.file_kinds import EXTENSIONS
from levit_edge.errors import DataError
from levit_edge.text import counted, listed, of_them

__all__ = ["Table", "read_table"]

FILE_HEADINGS = ("file", "filename", "filepath", "path", "image", "imageid", "imagename", "imagepath", "img", "name")
CLASS_HEADINGS = (
    *("wordnetid", "wnid", "synset", "predictionstring", "label", "class", "target", "category"),
    *("classid", "labelid", "classindex", "labelindex", "index", "classname", "labelname", "labels", "classes"),
)
"""Headings in lower case without spaces, hyphens and underscores; the first that is there is taken."""
BOXES = "predictionstring"
"""Kaggle's: a WordNet id and four numbers for each object, all of one class."""
_ENDING = rf"(?i:{'|'.join(re.escape(each) for each in sorted(EXTENSIONS))})"
BEFORE_COMMA = re.compile(rf'{_ENDING}"?\s*([,;])')
BEFORE_SPACE = re.compile(rf"(.*?{_ENDING})\s+(.*)")
EXPECTED = "a file and its class on each line, as CSV, TSV or text"


@dataclass(frozen=True, kw_only=True)
class Table:
    """The rows of a table, in order."""

    path: Path
    files: tuple[str, ...]
    classes: tuple[str, ...]
    """As they stand there."""
    lines: tuple[int, ...]

    @property
    def kind(self) -> LabelKind:
        """What the classes are.

        Raises:
            DataError: some are WordNet ids or numbers, and others are not.
        """
        for kind, form in FORMS.items():
            others = [place for place, each in enumerate(self.classes) if not form.fullmatch(each)]
            if others and 2 * len(others) < len(self.classes):
                alike = counted(len(self.classes) - len(others), "other line")
                raise DataError(
                    f"{self.path}: line {self.lines[others[0]]} has the class {self.classes[others[0]][:40]!r},"
                    f" unlike {alike} with {kind}: expected one or the other"
                )
        return kind_of(self.classes)

    def labels(self, names: Sequence[str], source: str, *, complete: bool) -> Labels:
        """The classes of the images of `source` by their `names`.

        With `complete` the table has to be about these images and no others. Numbers of ImageNet's validation images
        are places in the order of WordNet ids, and become these.

        Raises:
            DataError: an image is in it twice or not at all, a row's image is not there, or a number is out of range.
        """
        rows = [(file, f"line {line}") for file, line in zip(self.files, self.lines, strict=True)]
        found: list[str | None] = [None] * len(names)
        strangers = []
        known = Names(names)
        for row, place in enumerate(known.places(rows, self.path)):
            if place is None:
                strangers.append(self.files[row])
            else:
                found[place] = self.classes[row]
        if strangers and (complete or len(strangers) == len(rows)):
            raise DataError(f"{self.path} has {counted(len(rows), 'image')}, but {known.absent(strangers, source)}")
        without = [name for name, each in zip(names, found, strict=True) if each is None]
        if without:
            raise DataError(
                f"{source} has {counted(len(names), 'image')}, but {of_them(len(without))} not in {self.path}:"
                f" {listed(without, 3)}"
            )
        return _labels(self, names, [each or "" for each in found])


def read_table(path: Path) -> Table:
    """The table in `path`.

    Raises:
        DataError: it cannot be read, is empty, or it is not clear which column is which.
    """
    if path.name == TRUTH:
        raise DataError(f"{path}: this is a part of the devkit, whose numbers mean nothing without it: use --devkit")
    rows = [(cells, line) for cells, line in _rows(path, read_text(path)) if any(cells)]
    if not rows:
        raise DataError(f"{path}: it is empty; expected {EXPECTED}")
    file, label, headings = _columns(path, rows[0][0])
    rows = rows[1:] if headings else rows
    for cells, line in rows:
        if len(cells) <= max(file, label) or not (cells[file] and cells[label]):
            raise DataError(f"{path}: line {line} has no file or no class; expected {EXPECTED}")
    boxes = headings is not None and _heading(headings[label]) == BOXES
    return Table(
        path=path,
        files=tuple(cells[file] for cells, _ in rows),
        classes=tuple(_of_boxes(path, line, cells[label]) if boxes else cells[label] for cells, line in rows),
        lines=tuple(line for _, line in rows),
    )


def _labels(table: Table, names: Sequence[str], found: Sequence[str]) -> Labels:
    kind, told_by = table.kind, str(table.path)
    if kind is LabelKind.INDICES:
        found = [str(int(each)) for each in found]
        if all(VALIDATION_IMAGE.fullmatch(name.rpartition("/")[2]) for name in names):
            ids = synsets()
            for name, each in zip(names, found, strict=True):
                if int(each) >= len(ids):
                    raise DataError(
                        f"{told_by}: {name} has the class {each}, expected 0 to {len(ids) - 1}, in the order of WordNet"
                        " ids. Numbers from 1 to 1000 are the devkit's: use --devkit instead"
                    )
            kind, found = LabelKind.WORDNET_IDS, [ids[int(each)] for each in found]
    return Labels(kind=kind, of_images=tuple(found), classes=None, told_by=told_by)


def _rows(path: Path, text: str) -> Iterator[tuple[list[str], int]]:
    """The cells of each line, and the line's number from 1."""
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    delimiter = _delimiter(first)
    if delimiter is None:
        yield from ((_at_space(line.strip()), number) for number, line in enumerate(lines, 1))
        return
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
    try:
        yield from (([cell.strip() for cell in cells], reader.line_num) for cells in reader)
    except csv.Error as error:
        raise DataError(f"{path}: line {reader.line_num}: {error}") from error


def _delimiter(line: str) -> str | None:
    """What separates the cells of `line`; None for spaces."""
    if "\t" in line:
        return "\t"
    if (match := BEFORE_COMMA.search(line)) is not None:
        return match[1]
    if BEFORE_SPACE.match(line):
        return None
    return next((each for each in ",;" if each in line), None)


def _at_space(line: str) -> list[str]:
    """A file, which may have spaces if it ends like an image, and all that follows."""
    match = BEFORE_SPACE.fullmatch(line)
    return [match[1], match[2]] if match else line.split(maxsplit=1)


def _columns(path: Path, first: Sequence[str]) -> tuple[int, int, Sequence[str] | None]:
    """Where the file and the class are, and the headings if `first` is a line of them."""
    headings = [_heading(each) for each in first]
    file = next((headings.index(each) for each in FILE_HEADINGS if each in headings), None)
    label = next((headings.index(each) for each in CLASS_HEADINGS if each in headings), None)
    if file is not None and label is not None:
        return file, label, first
    if len(first) == 2:
        return 0, 1, None
    raise DataError(
        f"{path}: its first line has {counted(len(first), 'column')} ({listed(first, 6)}); expected a file and"
        " its class, or"
        " headings of which one is 'file' or 'image' and one 'class' or 'label'"
    )


def _heading(cell: str) -> str:
    return re.sub(r"[\s_-]", "", cell).casefold()


def _of_boxes(path: Path, line: int, cell: str) -> str:
    classes = set(cell.split()[::5])
    if len(classes) != 1:
        raise DataError(
            f"{path}: line {line} has objects of {counted(len(classes), 'class')}: {listed(sorted(classes), 3)}"
        )
    return classes.pop()
