"""The files that a user gave with images, as they are recorded: tables of classes, a development kit, a list."""

import hashlib
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Self

from levit_edge.data.options import ImageOptions
from levit_edge.documents import Sha256
from levit_edge.errors import DataError
from levit_edge.places import reason

__all__ = ["NO_TABLES", "ImageTables", "TableFile"]


@dataclass(frozen=True, kw_only=True)
class TableFile:
    """A file that says something of images, and which it was."""

    path: str
    """As the user gave it."""
    sha256: Sha256 | None
    """None for what is no plain file: the folder of a development kit, a pipe, which can be read only once."""

    @classmethod
    def of(cls, path: Path) -> Self:
        """The file at `path` as it is now.

        Raises:
            DataError: it cannot be read.
        """
        if not path.is_file():
            return cls(path=str(path), sha256=None)
        try:
            with path.open("rb") as file:
                return cls(path=str(path), sha256=hashlib.file_digest(file, "sha256").hexdigest())
        except OSError as error:
            raise DataError(f"{path}: {reason(error)}") from error


@dataclass(frozen=True, kw_only=True)
class ImageTables:
    """What was given of `ImageOptions`' files, and counted."""

    classes: TableFile | None = None
    labels: TableFile | None = None
    devkit: TableFile | None = None
    only: TableFile | None = None

    @classmethod
    def of(cls, options: ImageOptions) -> Self | None:
        """Those of `options`; None if there are none.

        Raises:
            DataError: one cannot be read.
        """
        given = {each.name: getattr(options, each.name) for each in fields(cls)}
        found = {name: TableFile.of(path) for name, path in given.items() if path is not None}
        return cls(**found) if found else None

    def named(self) -> dict[str, TableFile]:
        """Those that there are, by the names of their options."""
        files = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: file for name, file in files.items() if file is not None}

    def given(self, options: ImageOptions) -> ImageOptions:
        """`options`, with them."""
        return replace(options, **{name: Path(file.path) for name, file in self.named().items()})  # type: ignore[arg-type]


NO_TABLES = ImageTables()
