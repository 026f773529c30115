"""Where a sweep's images are, in shards: image folders and WebDataset tar files, local or at URLs.

Listing reads no image. A shard says what tells its content, so that what was computed from it is kept as long as it
does not change.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from levit_edge.data.class_table import ClassTable, read_class_table
from levit_edge.data.image_tables import ImageTables
from levit_edge.data.imagefolder import Arrangement, arrange, list_image_folder
from levit_edge.data.locations import Given, Location, Row, Span, pack
from levit_edge.data.named_sets import NAMED_SETS, Use, fetch_set
from levit_edge.data.options import DEFAULTS, ImageOptions
from levit_edge.data.sources.archive import CLASS_TAR, find_in_tars
from levit_edge.data.sources.devkit import VALIDATION_IMAGE
from levit_edge.data.sources.found import Found, LabelKind
from levit_edge.data.sources.open import find_at, labelled
from levit_edge.data.tar import first_block, is_tar, members, tar_faults
from levit_edge.device.file_kinds import is_hidden_path
from levit_edge.errors import DataError
from levit_edge.sweep.inputs.storage import (
    StoredFile,
    find_matches,
    has_glob,
    is_local,
    locate,
    location_of,
    reported,
    signature,
)

__all__ = ["Listing", "Shard", "list_shards"]

TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
MOST_SHARDS = 100_000  # a brace pattern may stand for any number


@dataclass(frozen=True, kw_only=True)
class PlacedImage:
    """An image of a source that is neither a folder of class folders nor a WebDataset shard."""

    name: str
    folder: str | None
    """Its class, if that has a name."""
    label: int | None
    """Its class, if that is a number."""
    location: dict[str, Any] = field(hash=False)
    """What `levit_edge.data.locations.pack` made of where it is."""


@dataclass(frozen=True, kw_only=True)
class Shard:
    """Some of a source's images: what one task reads. Equal if their content is, as far as can be told unread."""

    name: str
    """What messages call it, such as `val-00007.tar` or `val[1500:2000]`; no other of the source is called so."""
    root: str
    """The folder that the files are in: an absolute local path, or a URL."""
    files: tuple[StoredFile, ...]
    """The images, or the one tar file, or the archives of `placed`. One that is not there has no signature, and its
    shard cannot be read."""
    placed: tuple[PlacedImage, ...] = ()
    """The images, where the files alone do not tell them."""

    @property
    def is_tar(self) -> bool:
        """Whether it is one WebDataset tar file, compressed or not, and no folder with a file for each image."""
        return not self.placed and self.files[0].path.lower().endswith(TAR_ENDINGS)


@dataclass(frozen=True, kw_only=True)
class Listing:
    """All shards of a source."""

    source: str
    """As the user named it."""
    shards: tuple[Shard, ...]
    class_names: tuple[str, ...] | None
    """The class folders in order, empty ones too; None for tar files and for folders of images alone."""
    in_order: bool = False
    """Whether that order is the one in which the images' own list numbers the classes."""
    table: ClassTable | None = None
    """What the user says of the classes."""
    tables: ImageTables | None = None
    """The files that the user gave with the images, for the record."""
    passed_over: Mapping[str, int] = field(default_factory=dict)
    """How many files of a folder were not read, by what they are; of tar files it is not known before they are read."""


def list_shards(source: str, shard_size: int, options: ImageOptions = DEFAULTS, use: Use = Use.EVALUATION) -> Listing:
    """The shards of the images at `source`; of `options`, `labels`, `devkit`, `only` and `classes` count.

    `source` is an image folder (see `levit_edge.data.image_set`), whose images make shards of
    `shard_size`, the last one smaller; or tar files by the name of one, a glob or a brace pattern such as
    `val-{00000..00099}.tar`, each a shard. Either is local or at a URL. Tar files that a brace pattern names and that
    are not there are shards without signature.

    What is local may also be of any other layout that `levit_edge.data.sources.open.find_at` knows, such as class
    folders in tar files that are not compressed, or the name of a public set.

    Raises:
        DataError: nothing is there, it cannot be listed, or a library that it needs is not installed.
        DownloadError: a public set cannot be fetched.
    """
    if shard_size < 1:
        raise DataError(f"shards of {shard_size} images were asked for, expected 1 or more")
    table = None if options.classes is None else read_class_table(options.classes)
    place = str(fetch_set(source, use)) if source in NAMED_SETS else source
    found = _placed(place, options)
    if found is not None and found.labels is not None and use is Use.EVALUATION:
        found.labels.require_meaning()
    listing = _listed(place, shard_size) if found is None else _placed_listing(found, shard_size)
    return replace(listing, source=source, table=table, tables=ImageTables.of(options))


def _listed(source: str, shard_size: int) -> Listing:
    """Of a source whose files tell its images."""
    system, root = locate(source)
    if is_local(system) and Path(root).is_dir():
        return _folder(source, Path(root), shard_size)
    patterns = _expand_braces(source)
    if len(patterns) == 1 and not has_glob(source) and not source.lower().endswith(TAR_ENDINGS):
        return _folder(source, None, shard_size)
    return _tars(source, patterns)


def _folder(source: str, local: Path | None, shard_size: int) -> Listing:
    system, root = locate(source)
    with reported(source):
        listed = {} if local else _files_below(system, root)
        found = list_image_folder(local) if local else _arranged(source, listed)
        files = tuple(
            StoredFile(path=path, signature=signature(system, f"{root}/{path}", listed.get(path)))
            for path in found.images
        )
    shards = tuple(
        Shard(
            name=f"{PurePosixPath(root).name}[{start}:{min(start + shard_size, len(files))}]",
            root=location_of(system, root),
            files=files[start : start + shard_size],
        )
        for start in range(0, len(files), shard_size)
    )
    return Listing(source=source, shards=shards, class_names=found.folders, passed_over=found.passed_over)


def _placed(source: str, options: ImageOptions) -> Found | None:
    """The images of a local source with more than its files to tell them; None for other sources."""
    system, root = locate(source)
    path, asked = Path(root), bool(options.labels or options.devkit or options.only)
    if not is_local(system):
        if asked:
            raise DataError(f"{source}: labels, devkit and only are for local images, not for those at a URL")
        return None
    with reported(source):
        inside = _look_into(source, path)
    by_content = not path.is_dir() and not any(each.name.lower().endswith(TAR_ENDINGS) for each in inside)
    certain = asked or by_content or any(each.suffix == ".parquet" for each in inside) or _are_class_tars(inside)
    spread = not path.exists() and _are_plain_tars(inside)
    if not certain and (not (path.exists() or spread) or _has_class_folders(inside)):
        return None
    if spread and not certain and _are_samples(inside):
        return None
    try:
        found = find_in_tars(str(path), inside) if spread else find_at(path)
    except DataError:  # of a compressed or damaged tar file it is told where it is read
        if certain or spread or path.is_dir() or _is_whole(path):
            raise
        return None
    found = labelled(found, path, labels=options.labels, only=options.only, devkit=options.devkit)
    in_archive = path.is_dir() and isinstance(found.images[0], Span)
    as_they_are = found.labels is None or found.labels.kind is LabelKind.INDICES
    return None if as_they_are and not (certain or in_archive) else found


def _look_into(source: str, path: Path) -> list[Path]:
    """What lies in a folder; of a glob or brace pattern what it stands for, and else the path itself."""
    if path.is_dir():
        return [each for each in path.iterdir() if not is_hidden_path(each.name)]
    if path.exists():
        return [path]
    matches = (
        match
        for pattern in _expand_braces(source)
        for match in (find_matches(pattern) if has_glob(pattern) else [locate(pattern)[1]])
    )
    return [Path(each) for each in matches] or [path]


def _are_plain_tars(paths: Sequence[Path]) -> bool:
    """Whether all are there, each once, are called tar files and are not compressed."""
    return len({*paths}) == len(paths) and all(
        each.suffix == TAR_ENDINGS[0] and each.is_file() and is_tar(first_block(each)) for each in paths
    )


def _are_samples(paths: Sequence[Path]) -> bool:
    """Whether tar files are shards with labels beside the images, by the first that is whole.

    So no more than one is looked into before workers read them; they also say what is wrong if none is whole.
    """
    whole = next(filter(_is_whole, paths), None)
    if whole is None:
        return True
    with suppress(DataError):
        labels = find_in_tars(str(whole), [whole]).labels
        return labels is not None and labels.kind is LabelKind.INDICES
    return False


def _is_whole(path: Path) -> bool:
    """Whether it is a tar file that is neither compressed, truncated nor damaged."""
    with suppress(DataError), tar_faults(path), path.open("rb") as file:
        deque(members(file), maxlen=0)
        return True
    return False


def _are_class_tars(paths: Sequence[Path]) -> bool:
    """Whether these are the tar files that ImageNet's training tar holds."""
    return bool(paths) and all(CLASS_TAR.fullmatch(each.name) for each in paths)


def _has_class_folders(paths: Sequence[Path]) -> bool:
    """Whether folders among what lies in one are classes, and not a development kit beside validation images."""
    return any(each.is_dir() for each in paths) and not any(VALIDATION_IMAGE.fullmatch(each.name) for each in paths)


def _placed_listing(found: Found, shard_size: int) -> Listing:
    labels = found.labels
    numbers = labels is not None and labels.kind is LabelKind.INDICES
    names = [None] * len(found) if labels is None else labels.of_images
    images = [
        PlacedImage(
            name=name,
            folder=None if numbers else label,
            label=int(label) if numbers and label is not None else None,
            location=pack(location),
        )
        for name, label, location in zip(found.names, names, found.images, strict=True)
    ]
    system, root = locate(found.source)
    marks = {path: signature(system, path) for path in {file_of(each) for each in found.images}}
    shards = []
    for start in range(0, len(images), shard_size):
        end = min(start + shard_size, len(images))
        files = dict.fromkeys(file_of(each) for each in found.images[start:end])
        shards.append(
            Shard(
                name=f"{PurePosixPath(root).name}[{start}:{end}]",
                root=root,
                files=tuple(StoredFile(path=path, signature=marks[path]) for path in files),
                placed=tuple(images[start:end]),
            )
        )
    classes = None
    if labels is not None and not numbers:
        classes = labels.classes or tuple(sorted(set(labels.of_images)))
    in_order = labels is not None and labels.kind is LabelKind.NAMES and labels.classes is not None
    return Listing(
        source=found.source,
        shards=tuple(shards),
        class_names=classes,
        in_order=in_order,
        passed_over=found.passed_over,
    )


def file_of(location: Location) -> str:
    """The file that an image is in, by its absolute path."""
    if isinstance(location, Span):
        return str(location.archive.absolute())
    if isinstance(location, Given):  # which is in none
        return location.name
    return str((location.file if isinstance(location, Row) else location).absolute())


def _files_below(system: Any, root: str) -> dict[str, Any]:
    """What a listing says of all that is in the folder, by its path there; folders end with a slash, as on S3."""
    found = {}
    for path, info in system.find(root, withdirs=True, detail=True).items():
        if relative := path.removeprefix(root).strip("/"):
            found[f"{relative}/" if info["type"] == "directory" or path.endswith("/") else relative] = info
    return found


def _arranged(source: str, listed: Iterable[str]) -> Arrangement:
    files = [path for path in listed if not path.endswith("/")]
    if not files:
        raise DataError(f"{source}: there are no files; expected a folder of images, or tar files (*.tar)")
    return arrange(source, files, (path[:-1] for path in listed if path.count("/") == 1 and path.endswith("/")))


def _expand_braces(source: str) -> list[str]:
    with reported(source):
        from braceexpand import braceexpand  # a part of what webdataset installs

        patterns = list(islice(braceexpand(source), MOST_SHARDS + 1))
    if len(patterns) > MOST_SHARDS:
        raise DataError(f"{source}: it stands for more than {MOST_SHARDS:,} files")
    return patterns


def _tars(source: str, patterns: Iterable[str]) -> Listing:
    locations = (each for pattern in patterns for each in (_tar_matches(pattern) if has_glob(pattern) else [pattern]))
    files = _look_up(source, locations)
    if all(file.signature is None for file in files):
        raise DataError(f"{source}: {'it does not exist' if len(files) == 1 else f'none of {len(files)} files exists'}")
    (twice, times), *_ = Counter(file.path for file in files).most_common(1)
    if times > 1:
        raise DataError(f"{source}: {twice} is in it {times} times")
    places = [file.path.rpartition("/") for file in files]
    unique = len({name for *_, name in places}) == len(places)
    shards = tuple(
        Shard(
            name=name if unique else file.path,
            root=parent or "/",
            files=(StoredFile(path=name, signature=file.signature),),
        )
        for file, (parent, _, name) in zip(files, places, strict=True)
    )
    return Listing(source=source, shards=shards, class_names=None)


def _tar_matches(pattern: str) -> list[str]:
    matches = [match for match in find_matches(pattern) if match.lower().endswith(TAR_ENDINGS)]
    if not matches:
        raise DataError(f"{pattern}: it matches no tar files ({', '.join(TAR_ENDINGS)})")
    return matches


def _look_up(source: str, locations: Iterable[str]) -> list[StoredFile]:
    """The tar files at `locations`, there or not, after one look into each of the folders that they are in."""
    listed: dict[str, dict[str, Any]] = {}
    found = []
    for location in locations:
        if not location.lower().endswith(TAR_ENDINGS):
            raise DataError(f"{location}: expected a tar file ({', '.join(TAR_ENDINGS)})")
        system, path = locate(location)
        parent = path.rpartition("/")[0] or "/"
        with reported(source):
            if parent not in listed:
                listed[parent] = _files_in(system, parent)
            mark = signature(system, path, listed[parent].get(path))
            found.append(StoredFile(path=location_of(system, path), signature=mark))
    return found


def _files_in(system: Any, folder: str) -> dict[str, Any]:
    """What a listing says of the files right in `folder`: nothing where listing is not allowed."""
    try:
        return {info["name"]: info for info in system.ls(folder, detail=True) if info["type"] != "directory"}
    except Exception:  # only a short cut: the files that are not in it are asked for one by one
        return {}
