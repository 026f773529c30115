"""Small copies of public sets, in the layouts that people have: all pictures are made up."""

import io
import random
import struct
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from levit_edge.data.imagenet import synsets

GROUPS = ("n00001740", "n00001930")
"""WordNet ids that stand for many classes."""
IMAGES = 50_000


def jpeg(shade: int = 0, side: int = 8) -> bytes:
    """A picture of one colour, another one for each shade."""
    buffer = io.BytesIO()
    Image.fromarray(np.full((side, side, 3), (shade % 256, shade // 256, 7), np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()


def tar_bytes(files: Mapping[str, bytes], mode: str = "w", form: int = tarfile.GNU_FORMAT) -> bytes:
    """A tar file of these."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode, format=form) as archive:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def write_tar(path: Path, files: Mapping[str, bytes], mode: str = "w") -> Path:
    path.write_bytes(tar_bytes(files, mode))
    return path


def write_files(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def validation_name(number: int) -> str:
    return f"ILSVRC2012_val_{number:08}.JPEG"


def numbering(seed: int = 0) -> dict[int, str]:
    """ILSVRC2012_ID -> WordNet id, in an order that is not the sorted one, as the devkit's is not."""
    order = list(synsets())
    random.Random(seed).shuffle(order)
    return dict(enumerate(order, 1))


def truth(numbers: Mapping[int, int]) -> bytes:
    """The ground truth: image number -> ILSVRC2012_ID; the other images are of class 1."""
    return "".join(f"{numbers.get(image, 1)}\n" for image in range(1, IMAGES + 1)).encode()


def devkit_files(numbers: Mapping[int, int], ids: Mapping[int, str] | None = None) -> dict[str, bytes]:
    """The files of the devkit, by their names in it."""
    entries: list[Sequence[str | tuple[float, ...]]] = [
        ((float(number),), name, "words", (0.0,), ()) for number, name in (ids or numbering()).items()
    ]
    for number, name in enumerate(GROUPS, 1001):
        entries.append(((float(number),), name, "a group", (2.0,), (1.0, 2.0)))
    fields = ("ILSVRC2012_ID", "WNID", "words", "num_children", "children")
    return {
        "readme.txt": b"ILSVRC 2012",
        "data/meta.mat": matlab_file("synsets", fields, entries),
        "data/ILSVRC2012_validation_ground_truth.txt": truth(numbers),
        "data/ILSVRC2012_validation_blacklist.txt": b"1\n",
    }


def write_devkit(path: Path, numbers: Mapping[int, int]) -> Path:
    """The devkit at `path`: a folder, or a tar.gz by its name."""
    files = devkit_files(numbers)
    if path.name.endswith(".tar.gz"):
        return write_tar(path, {f"ILSVRC2012_devkit_t12/{name}": each for name, each in files.items()}, "w:gz")
    return write_files(path, files)


def matlab_file(
    variable: str,
    fields: Sequence[str],
    entries: Sequence[Sequence[str | tuple[float, ...]]],
    *,
    compress: bool = True,
    order: str = "<",
) -> bytes:
    """A MAT-file of version 5 with a column of structures."""

    def element(kind: int, data: bytes) -> bytes:
        if kind != 15 and len(data) <= 4:
            return struct.pack(f"{order}I", len(data) << 16 | kind) + data.ljust(4, b"\0")
        return struct.pack(f"{order}II", kind, len(data)) + data + b"\0" * (-len(data) % 8 if kind != 15 else 0)

    def matrix(kind: int, dimensions: tuple[int, int], name: str, rest: bytes) -> bytes:
        head = element(6, struct.pack(f"{order}II", kind, 0)) + element(5, struct.pack(f"{order}2i", *dimensions))
        return element(14, head + element(1, name.encode()) + rest)

    def value(each: str | tuple[float, ...]) -> bytes:
        if isinstance(each, str):
            return matrix(4, (1, len(each)), "", element(16, each.encode()))
        return matrix(6, (1, len(each)), "", element(9, struct.pack(f"{order}{len(each)}d", *each)))

    names = element(5, struct.pack(f"{order}i", 32)) + element(1, b"".join(f.encode().ljust(32, b"\0") for f in fields))
    rest = names + b"".join(value(each) for entry in entries for each in entry)
    whole = matrix(2, (len(entries), 1), variable, rest)
    mark = b"IM" if order == "<" else b"MI"
    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(f"{order}H", 0x100) + mark
    return header + (element(15, zlib.compress(whole)) if compress else whole)
