"""Images in parquet files as the Hugging Face hub keeps them: a column of images, and one of labels.

The image is a structure with the file's `bytes` and its `path`, or bytes; the label is a number, whose class the
schema's metadata may name, or text. They are read with pyarrow, row group by row group.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from levit_edge.data.imagenet import class_names, synsets
from levit_edge.data.locations import Row, open_parquet
from levit_edge.data.sources.found import FORMS, Found, LabelKind, Labels, kind_of
from levit_edge.errors import MEMORY_ADVICE, DataError, LevitEdgeError, MemoryShortageError
from levit_edge.text import counted, listed

if TYPE_CHECKING:
    from pyarrow import Schema
    from pyarrow.parquet import ParquetFile

__all__ = ["PARQUET_MAGIC", "find_in_parquet"]

PARQUET_MAGIC = b"PAR1"
"""How a parquet file begins."""
IMAGE_COLUMNS = ("image", "img", "jpg", "image_bytes", "bytes")
LABEL_COLUMNS = ("label", "labels", "fine_label", "cls", "class", "class_id", "target")
METADATA = b"huggingface"
ROWS_AT_A_TIME = 1024
MOST_ROWS = 20_000_000
HIDDEN = -1
"""The label of images whose class is kept secret, such as those of a test set."""
FEWEST_ALIKE = 950


@dataclass(frozen=True, kw_only=True)
class _Columns:
    """Where in the rows the images and labels are."""

    image: str
    path: str | None
    label: str | None
    class_names: tuple[str, ...] | None


def find_in_parquet(source: str, paths: Sequence[Path]) -> Found:
    """The images of the parquet files at `paths`, in the order of their rows.

    Raises:
        DataError: a file is damaged, has no images, or other columns or classes than the first one.
    """
    images: list[Row] = []
    labels: list[str] = []
    first: _Columns | None = None
    for path in paths:
        file = open_parquet(path)
        with _faults(path):
            columns = _columns(path, file.schema_arrow)
            if first is not None and columns != first:
                raise DataError(f"{path}: its columns or classes are not those of {paths[0]}")
            first = columns
            for row, label in _rows(path, file, columns):
                images.append(row)
                labels += [] if label is None else [label]
    if first is None or not images:
        raise DataError(f"{source}: there are no images in it")
    return Found(
        source=source,
        layout="parquet files",
        images=tuple(images),
        names=_names(images),
        labels=None if first.label is None else _labels(first, images, labels),
    )


def _columns(path: Path, schema: "Schema") -> _Columns:
    import pyarrow

    image = next((name for name in IMAGE_COLUMNS if name in schema.names), None)
    if image is None:
        raise DataError(f"{path}: no column {' or '.join(IMAGE_COLUMNS)}, only {listed(schema.names)}")
    kind, inner, name = schema.field(image).type, image, None
    if pyarrow.types.is_struct(kind):
        fields = [kind.field(place).name for place in range(kind.num_fields)]
        if "bytes" not in fields:
            raise DataError(f"{path}: the column {image} has no field 'bytes', only {listed(fields)}")
        inner, kind = f"{image}.bytes", kind.field("bytes").type
        name = f"{image}.path" if "path" in fields else None
    if not (pyarrow.types.is_binary(kind) or pyarrow.types.is_large_binary(kind)):
        raise DataError(f"{path}: the column {inner} has {kind}, expected the bytes of images")
    label = next((name for name in LABEL_COLUMNS if name in schema.names), None)
    return _Columns(image=inner, path=name, label=label, class_names=_class_names(path, schema, label))


def _class_names(path: Path, schema: "Schema", label: str | None) -> tuple[str, ...] | None:
    """The names of the classes that numbers stand for, from the metadata that `datasets` writes."""
    content = (schema.metadata or {}).get(METADATA)
    if content is None or label is None:
        return None
    try:
        feature = json.loads(content)["info"]["features"][label]
        names = feature.get("names") if feature.get("_type") == "ClassLabel" else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{path}: its metadata 'huggingface' are not as `datasets` writes them") from error
    if names is None:
        return None
    if not (isinstance(names, list) and names and all(isinstance(name, str) for name in names)):
        raise DataError(f"{path}: the names of its classes in its metadata 'huggingface' are no list of names")
    return tuple(names)


def _rows(path: Path, file: "ParquetFile", columns: _Columns) -> Iterator[tuple[Row, str | None]]:
    """Each row and its label; the images' bytes are not read."""
    wanted = [each for each in (columns.path, columns.label) if each is not None]
    if file.metadata.num_rows > MOST_ROWS:
        raise DataError(f"{path}: {counted(file.metadata.num_rows, 'row')}, expected at most {MOST_ROWS:,}")
    for group in range(file.metadata.num_row_groups):
        if not wanted:
            count = file.metadata.row_group(group).num_rows
            yield from ((_row(path, group, at, columns, {}), None) for at in range(count))
            continue
        batches = file.iter_batches(ROWS_AT_A_TIME, row_groups=[group], columns=wanted, use_threads=False)
        rows = (values for batch in batches for values in batch.to_pylist())
        for at, values in enumerate(rows):
            row = _row(path, group, at, columns, values)
            yield row, None if columns.label is None else _text(row, columns, values[columns.label])


def _row(path: Path, group: int, at: int, columns: _Columns, values: dict[str, Any]) -> Row:
    image = values.get(columns.image.partition(".")[0])
    name = image.get("path") if isinstance(image, dict) else None
    if not isinstance(name, str) or not name:
        name = f"{path.stem}-{group}-{at:05}"
    return Row(path, group, at, columns.image, name)


def _text(row: Row, columns: _Columns, label: object) -> str:
    """A label as text."""
    if isinstance(label, str) and columns.class_names is None:
        return label
    if not isinstance(label, int):
        raise DataError(f"{row}: its {columns.label} is {str(label)[:40]!r}, expected a number or a name")
    if columns.class_names is None or label == HIDDEN:
        return str(label)
    if not 0 <= label < len(columns.class_names):
        raise DataError(
            f"{row}: its {columns.label} is {label}, but there are {counted(len(columns.class_names), 'class')}"
        )
    return str(label)


def _labels(first: _Columns, images: Sequence[Row], found: Sequence[str]) -> Labels | None:
    if set(found) == {str(HIDDEN)}:
        return None
    told_by = f"the column {first.label}"
    names = first.class_names
    if names is not None:
        places = [_index(row, each) for row, each in zip(images, found, strict=True)]
        if names == synsets() or _are_imagenets(names):  # where "crane" is a bird and a machine
            of_images = tuple(synsets()[place] for place in places)
            return Labels(kind=LabelKind.WORDNET_IDS, of_images=of_images, classes=None, told_by=told_by)
        if fault := _fault_of_doubles(images[0].file, names, {*places}):
            return Labels(kind=LabelKind.FOLDERS, of_images=tuple(found), classes=None, told_by=told_by, fault=fault)
        names = _told_apart(names, {*places})
        of_images = tuple(names[place] for place in places)
        return Labels(kind=LabelKind.NAMES, of_images=of_images, classes=names, told_by=told_by)
    kind = kind_of(found)
    if kind is LabelKind.NAMES and any(each.lstrip("-").isdecimal() for each in found):
        for row, each in zip(images, found, strict=True):
            _index(row, each)
    return Labels(kind=kind, of_images=tuple(found), classes=None, told_by=told_by)


def _fault_of_doubles(path: Path, names: Sequence[str], filled: Set[int]) -> str:
    """What is wrong if a name stands for two of the classes that have images: both would have one label."""
    place_of: dict[str, int] = {}
    for place in sorted(filled):
        first = place_of.setdefault(names[place], place)
        if first != place:
            return (
                f"{path}: the list of classes in its metadata names {names[place][:40]!r} twice, as classes {first}"
                f" and {place}: which of them an image is of cannot be told by name. Expected each name once: say the"
                " images' classes in a table (--labels)"
            )
    return ""


def _told_apart(names: Sequence[str], filled: Set[int]) -> tuple[str, ...]:
    """The names, where classes without images that share theirs with others have their numbers in them."""
    times = Counter(names)
    return tuple(
        name if times[name] == 1 or place in filled else f"{name} (class {place})" for place, name in enumerate(names)
    )


def _index(row: Row, label: str) -> int:
    if not FORMS[LabelKind.INDICES].fullmatch(label):
        raise DataError(f"{row}: its label is {label[:40]!r}, expected a whole number from 0, as others have")
    return int(label)


def _are_imagenets(names: Sequence[str]) -> bool:
    """Whether these are ImageNet's 1,000 classes in the order of WordNet ids, but for a few names."""
    expected = class_names()
    if len(names) != len(expected):
        return False
    same = sum(one.split(",")[0].casefold() == other.casefold() for one, other in zip(names, expected, strict=True))
    return same >= FEWEST_ALIKE


def _names(images: Sequence[Row]) -> tuple[str, ...]:
    """Their names; where two have one, by their files and places."""
    names = tuple(row.name for row in images)
    if len(set(names)) == len(names):
        return names
    files = {row.file for row in images}
    called = {file: file.name if len({each.name for each in files}) == len(files) else str(file) for file in files}
    return tuple(f"{called[row.file]}/{row.row_group}-{row.row:05}" for row in images)


@contextmanager
def _faults(path: Path) -> Iterator[None]:
    """Whatever pyarrow says of a damaged file, as a DataError about it."""
    try:
        yield
    except LevitEdgeError:
        raise
    except MemoryError as error:
        raise MemoryShortageError(f"{path}: not enough memory to read it: {MEMORY_ADVICE}") from error
    except Exception as error:
        raise DataError(f"{path}: damaged: {' '.join(str(error).split())[:200] or type(error).__name__}") from error
