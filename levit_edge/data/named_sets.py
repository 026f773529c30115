"""Public sets of images that are fetched by name: `--evaluation imagenette`.

Sizes and SHA-256 are what others have published who downloaded the files: for Imagenette fastdownload's and several
public records, for ImageNetV2 TensorFlow Datasets' checksums. This project has downloaded neither.
"""

import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from levit_edge.data.tar import StrictHeader, tar_faults
from levit_edge.device.file_kinds import EXTENSIONS, is_hidden_path
from levit_edge.errors import DataError, DownloadError
from levit_edge.model.http_file import Progress, fetch_file
from levit_edge.system.atomic import folder_beside, put_in_place
from levit_edge.system.host import CACHE_VARIABLE, cache_folder
from levit_edge.text import counted

__all__ = ["NAMED_SETS", "NamedSet", "Use", "fetch_set", "is_kept", "is_named_set", "or_a_set"]


class Use(StrEnum):
    """What images are for: a set may have a part for each."""

    CALIBRATION = "calibration"
    EVALUATION = "evaluation"


@dataclass(frozen=True, kw_only=True)
class NamedSet:
    """A set of images, and where its archive is published: a tar file, compressed or not."""

    name: str
    title: str
    url: str
    size_bytes: int
    sha256: str
    folders: dict[Use, str]
    """The folder in the archive whose class folders are for each use."""
    unpacked_bytes: int
    """At most so many are unpacked."""
    licence: str
    """What its authors say, for people to read before it is fetched."""

    @property
    def notice(self) -> str:
        """What is fetched, and under which terms."""
        return f"{self.title}: {self.size_bytes / 1e6:,.0f} MB from {self.url}. {self.licence}"


NAMED_SETS = {
    each.name: each
    for each in (
        NamedSet(
            name="imagenette",
            title="Imagenette, ten classes of ImageNet, the short side at 320 pixels (fast.ai)",
            url="https://s3.amazonaws.com/fast-ai-imageclas/imagenette2-320.tgz",
            size_bytes=341_663_724,
            sha256="569b4497c98db6dd29f335d1f109cf315fe127053cedf69010d047f0188e158c",
            folders={Use.CALIBRATION: "imagenette2-320/train", Use.EVALUATION: "imagenette2-320/val"},
            unpacked_bytes=1 << 30,
            licence=(
                "The list is fast.ai's, under the Apache License 2.0; the photographs are ImageNet's, which belong to"
                " their photographers and are for non-commercial research and education: https://image-net.org/download"
            ),
        ),
        NamedSet(
            name="imagenetv2",
            title="ImageNetV2, matched frequency: 10,000 photographs of ImageNet's classes (Recht et al., 2019)",
            url="https://huggingface.co/datasets/vaishaal/ImageNetV2/resolve/main/imagenetv2-matched-frequency.tar.gz",
            size_bytes=1_264_079_360,
            sha256="f0c37fdf925916b19ea1323cd9a2208cdb6959ba2c32eef2a7fc393835c9ca7c",
            folders=dict.fromkeys(Use, "imagenetv2-matched-frequency-format-val"),
            unpacked_bytes=4 << 30,
            licence=(
                "Its authors publish it under the MIT License (https://github.com/modestyachts/ImageNetV2); the"
                " photographs are from Flickr and belong to their photographers"
            ),
        ),
    )
}


def is_named_set(source: str | Path) -> bool:
    """Whether `source` is the name of a set, and not of something that is there."""
    return str(source) in NAMED_SETS and not Path(source).exists()


def or_a_set() -> str:
    """What may be given in place of images, as the end of a list of what was expected: a name may be mistyped."""
    return f"or a public set by its name: {', '.join(NAMED_SETS)}"


def is_kept(chosen: NamedSet, cache: Path | None = None) -> bool:
    """Whether the set has been fetched and unpacked."""
    return _home(chosen, cache).is_dir()


def fetch_set(
    name: str | NamedSet,
    use: Use,
    *,
    notice: Callable[[str], None] = lambda _text: None,
    progress: Progress | None = None,
    cache: Path | None = None,
    timeout_s: float = 30.0,
) -> Path:
    """The folder of a set's images for `use`, fetched and unpacked once, and kept.

    Args:
        name: one of `NAMED_SETS`, or a set of another place.
        use: what the images are for.
        notice: told what is fetched and its licence, before it is.
        progress: called with (bytes there, bytes in all or None).
        cache: the folder to keep it in; None takes `cache_folder()`.
        timeout_s: seconds without a byte before a connection is given up.

    Raises:
        DownloadError: it cannot be fetched, or the hash is wrong; the message says what to do instead.
        DataError: the archive is not what is expected.
        OutputError: the cache cannot be written, or another process is fetching the same set.
    """
    chosen = NAMED_SETS[name] if isinstance(name, str) else name
    target = _home(chosen, cache)
    if not target.is_dir():
        archive = target.with_name(PurePosixPath(chosen.url).name)
        notice(chosen.notice)
        _fetch(chosen, archive, progress, timeout_s)
        _unpack(chosen, archive, target)
        archive.unlink(missing_ok=True)
    return target / chosen.folders[use]


def _home(chosen: NamedSet, cache: Path | None) -> Path:
    return (cache or cache_folder()) / "images" / f"{chosen.name}-{chosen.sha256[:12]}"


def _fetch(chosen: NamedSet, archive: Path, progress: Progress | None, timeout_s: float) -> None:
    try:
        fetch_file(
            chosen.url,
            archive,
            sha256_prefix=chosen.sha256,
            progress=progress,
            timeout_s=timeout_s,
            most_bytes=chosen.size_bytes,
        )
    except DownloadError as error:
        raise DownloadError(
            f"The images of {chosen.name} could not be fetched. {error}\n"
            f"Give a folder of images, or fetch {chosen.url} elsewhere and put it into {archive.parent}"
            f" ({CACHE_VARIABLE} names another cache folder)."
        ) from error


def _unpack(chosen: NamedSet, archive: Path, target: Path) -> None:
    """Write the archive's images, and nothing else, into `target`, which appears when all are there."""
    try:
        with folder_beside(target, "set") as folder:
            if target.is_dir():  # another process was first
                return
            count = _write_images(chosen, archive, folder)
            missing = [each for each in chosen.folders.values() if not (folder / each).is_dir()]
            if missing:
                raise DataError(
                    f"{archive}: {counted(count, 'image')}, but none in {missing[0]}: it is not {chosen.name}"
                )
            put_in_place(folder, target)
    except OSError as error:
        raise DownloadError(f"{target} cannot be written: {error.strerror or error}.") from error


def _write_images(chosen: NamedSet, archive: Path, folder: Path) -> int:
    """How many images were written."""
    count = 0
    for count, (name, content) in enumerate(_images(archive, chosen.unpacked_bytes), 1):  # noqa: B007 - the last one
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return count


def _images(archive: Path, most_bytes: int) -> Iterator[tuple[PurePosixPath, bytes]]:
    """The plain files that are images, with paths that do not leave the folder; all else is passed over."""
    left = most_bytes
    with tar_faults(archive), tarfile.open(archive, "r|*", tarinfo=StrictHeader) as content:
        while (member := content.next()) is not None:
            content.members.clear()  # type: ignore[attr-defined] # or they would be kept
            path = PurePosixPath(member.name)
            inside = not path.is_absolute() and ".." not in path.parts and not is_hidden_path(str(path))
            file = content.extractfile(member) if member.isreg() and not member.issparse() and inside else None
            if file is None or path.suffix.lower() not in EXTENSIONS:
                continue
            left -= member.size
            if left < 0:
                raise DataError(f"{archive}: it unpacks to more than {most_bytes:,} bytes")
            yield path, file.read()
