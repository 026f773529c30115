"""Which files are images that are read, by their names or else by how they begin; and what the others are, for counts.

A file with an ending is what its ending says, and is not opened; one without is what its first bytes say. Hidden files
and those of operating systems are nobody's images: they are passed over without a word.

Runs with Python 3.9: packages for boards carry this file.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Callable, Optional

from levit_edge.device.formats import ADVICE, FORMATS, HEAD_BYTES, image_format
from levit_edge.device.words import counted

__all__ = [
    "ENDINGS",
    "EXTENSIONS",
    "NOT_PLAIN",
    "NO_IMAGE",
    "SYSTEMS",
    "Head",
    "head_of",
    "is_hidden_path",
    "passed_over_words",
    "unread_kind",
    "with_advice",
]

ENDINGS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "BMP": (".bmp",),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "GIF": (".gif",),
    "AVIF": (".avif", ".avifs"),
    "HEIC": (".heic", ".heif", ".hif", ".heics"),
    "JPEG 2000": (".jp2", ".j2k", ".jpf", ".jpx", ".j2c", ".jpc"),
    "JPEG XL": (".jxl",),
    "raw": (".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf"),
    "PNM": (".pbm", ".pgm", ".ppm", ".pnm"),
    "PSD": (".psd",),
    "SVG": (".svg",),
    "EXR": (".exr",),
    "archive": (".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".zip", ".7z", ".rar"),
    "parquet": (".parquet",),
}
EXTENSIONS = frozenset(ending for name, endings in ENDINGS.items() if name in FORMATS for ending in endings)
"""Files with these endings, upper or lower case, are images."""
UNREAD = {ending: name for name, endings in ENDINGS.items() if name not in FORMATS for ending in endings}
NO_IMAGE, NO_ENDING, NOT_PLAIN, UNREADABLE = "no image", "without an ending", "link or device", "unreadable"
SYSTEMS = frozenset(
    {
        "@eadir",  # Synology
        "#recycle",
        "@recycle",  # QNAP
        "__macosx",
        "lost+found",
        "$recycle.bin",
        "system volume information",
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
    }
)
"""Folders and files that systems leave between those of people, in lower case; the others begin with a full stop, as
`.DS_Store`, `._x.jpg` and `.ipynb_checkpoints` do."""
Head = Callable[[str], Optional[bytes]]
"""The first `HEAD_BYTES` bytes of a file, or fewer; None if it cannot be read."""


def is_hidden_path(path: str) -> bool:
    """Whether a part of `path`, relative and with forward slashes, is hidden or a system's own."""
    return any(_is_hidden(part) for part in path.split("/"))


def unread_kind(path: str, head: Head | None) -> str | None:
    """What the file at `path`, given with forward slashes, is counted as; None if it is an image that is read.

    `head` is asked for files without an ending only; without it they are not read.
    """
    ending = PurePosixPath(path).suffix.lower()
    if ending in EXTENSIONS:
        return None
    if ending:
        return UNREAD.get(ending, NO_IMAGE)
    if head is None:
        return NO_ENDING
    beginning = head(path)
    if beginning is None:
        return UNREADABLE
    found = image_format(beginning)
    return None if found in FORMATS else found or NO_IMAGE


def head_of(path: Path) -> bytes | None:
    """How a file begins; None if it cannot be read or is none: reading from a pipe could wait for ever."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        with path.open("rb") as file:
            return file.read(HEAD_BYTES)
    except OSError:
        return None


def passed_over_words(counts: Mapping[str, int]) -> str:
    """Such as `4 files passed over: 3 HEIC, 1 no image`; empty if there are none."""
    if not counts:
        return ""
    total, parts = sum(counts.values()), sorted(counts.items(), key=lambda each: (each[0] == NO_IMAGE, each))
    return f"{counted(total, 'file')} passed over: {', '.join(f'{count:,} {kind}' for kind, count in parts)}"


def with_advice(counts: Mapping[str, int]) -> str:
    """As `passed_over_words`, and how to make those readable that are photographs; in a sentence without its stop."""
    advice = "; ".join(f"convert {kind}, {ADVICE[kind]}" for kind in counts if kind in ADVICE)
    return passed_over_words(counts) + (f"; {advice}" if advice else "")


def _is_hidden(name: str) -> bool:
    return (name.startswith(".") and name not in {".", ".."}) or name.lower() in SYSTEMS
