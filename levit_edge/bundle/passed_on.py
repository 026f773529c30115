"""A manifest as it may be passed on: it names no folder of its maker's machine.

An absolute path keeps its last part, as `…/val`; of images the digest beside it says which they are. Another path with
the same last part is `…2/val`, so that what was two folders stays two. Relative paths, hub ids and URLs stay as they
were given.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from levit_edge.bundle.manifest import ImageProvenance, Manifest
from levit_edge.data.image_tables import NO_TABLES, ImageTables

__all__ = ["HIDDEN", "hide_folders", "last_part", "names_folders", "without_folders"]

HIDDEN = "…"
"""Stands for the folders that are not named."""
_ABSOLUTE = re.compile(r"(?:file:/*)?(?:~[\w.-]*)?/")
_ROOT = r"(?:file:/*|~[\w.-]*)?/(?!(?:sys|proc|dev)/)(?=[\w.~])"
"""How an absolute path begins; Linux's own folders are no one's."""
_BEFORE = r"""(?:(?<=[\s'"`“”„‘’«»(\[{=,;:|@>&!–—])(?<!base64,)|^)"""
"""What a path may stand behind: also a tag of HTML, a code span or a link of Markdown, and the name of a field."""
_IN_TEXT = re.compile(rf"""(?<=")[ ]*{_ROOT}[^"\n]*(?=")|{_BEFORE}{_ROOT}[^\s'"`“”‘’»(),;:<>\[\]{{}}|]*""")
"""An absolute path among words, or in double quotes; `and/or`, `https://…`, base64 and a lone `/` are none."""


def last_part(source: str) -> str:
    """A name on a hub or a relative path as it is; of an absolute path its end, also of one that is hidden already."""
    hidden = source.startswith(HIDDEN) and "/" in source
    return PurePosixPath(source).name if hidden or _ABSOLUTE.match(source) else source


def names_folders(text: str) -> bool:
    """Whether there is an absolute path among the words of `text`."""
    return _IN_TEXT.search(text) is not None


def hide_folders(text: str) -> str:
    """`text` with `…/` and the last part in place of each absolute path; spaces belong to a path that stands alone."""
    if re.match(_ROOT, text) and not re.search(r"\n|: ", text):
        return _hidden(text)
    return _IN_TEXT.sub(lambda found: _hidden(found[0]), text)


def _hidden(path: str) -> str:
    return f"{HIDDEN}/{PurePosixPath(path).name}"


def _replaced(text: str, path: str, name: str, followed: str = r"(?![\w-])") -> str:
    """`text` with `name` for `path`, but not within another: `/val` is no part of `data/val` or of `/validation`."""
    return re.sub(rf"(?<![\w/.~…-]){re.escape(path)}(?={followed})", lambda _found: name, text)


def without_folders(manifest: Manifest) -> Manifest:
    """`manifest` without absolute paths, in its texts too; one that has none is returned as it is."""
    names = _Names(_paths(manifest))
    search, changes, verification = manifest.search, manifest.preprocessing_changes, manifest.verification
    if changes is not None and changes.bundle is not None:
        changes = replace(changes, bundle=names.path(str(changes.bundle)))
    return replace(
        manifest,
        checkpoint=replace(manifest.checkpoint, source=names.path(manifest.checkpoint.source)),
        calibration=names.images(manifest.calibration),
        verification=replace(
            verification,
            images=names.images(verification.images),
            poor_fp32=verification.poor_fp32 and names.text(verification.poor_fp32),
            not_run={file: names.text(why) for file, why in verification.not_run.items()},
        ),
        search=search and replace(search, images=names.images(search.images)),
        preprocessing_origin=names.text(manifest.preprocessing_origin),
        preprocessing_changes=changes,
        warnings=tuple(map(names.text, manifest.warnings)),
    )


def _paths(manifest: Manifest) -> Iterator[str]:
    """Everything in a manifest that is a path, as it was given."""
    search, changes = manifest.search, manifest.preprocessing_changes
    for images in (manifest.calibration, manifest.verification.images, *([search.images] if search else [])):
        yield images.source
        yield from (file.path for file in (images.tables or NO_TABLES).named().values())
    yield manifest.checkpoint.source
    if changes is not None and changes.bundle is not None:
        yield str(changes.bundle)


class _Names:
    """What each path is called; a path is called the same wherever it stands."""

    def __init__(self, paths: Iterator[str]) -> None:
        self._names: dict[str, str] = {}
        for path in paths:
            if _ABSOLUTE.match(path):
                self._name(path.rstrip("/"))

    def _name(self, path: str) -> str:
        if path not in self._names:
            end = PurePosixPath(path).name
            taken = sum(PurePosixPath(other).name == end for other in self._names)
            self._names[path] = f"{HIDDEN}{taken + 1 if taken else ''}/{end}"
        return self._names[path]

    def path(self, path: str) -> str:
        return self._name(path.rstrip("/")) if _ABSOLUTE.match(path) else path

    def text(self, text: str) -> str:
        for path in sorted(self._names, key=len, reverse=True):
            text = _replaced(text, path, self._names[path])
        for folder in {str(PurePosixPath(path).parent) for path in self._names} - {"/", "."}:
            text = _replaced(text, folder, HIDDEN, followed="/")
        return _IN_TEXT.sub(lambda found: _hidden(found[0]), text)

    def images(self, images: ImageProvenance) -> ImageProvenance:
        named = (images.tables or NO_TABLES).named()
        tables = ImageTables(**{name: replace(file, path=self.path(file.path)) for name, file in named.items()})
        return replace(images, source=self.path(images.source), tables=images.tables and tables)
