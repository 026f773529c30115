"""What was found, in a folder, so that a command that was interrupted goes on where it was."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from levit_edge.documents import from_json, read_json, to_json
from levit_edge.errors import DataError

__all__ = ["Setting", "Store"]

T = TypeVar("T")
FOUND = "found"
SETTING = "setting.json"


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What must be the same for findings to stand in one table."""

    checkpoint_sha256: str
    calibration_sha256: str
    calibration_images: int
    evaluation: str
    evaluation_images: int
    float16_images: int
    runs: int
    resize: int | None
    versions: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Store:
    """Findings in `folder`, one JSON file each."""

    folder: Path

    def require(self, setting: Setting) -> None:
        """Begin a store for `setting`, or go on with one.

        Raises:
            DataError: the folder has findings of another.
        """
        file = self.folder / SETTING
        if not file.exists():
            (self.folder / FOUND).mkdir(parents=True, exist_ok=True)
            _write(file, setting)
            return
        known = from_json(Setting, read_json(file, DataError, str(file)), DataError, str(file))
        differs = [name for name, value in vars(setting).items() if getattr(known, name) != value]
        if differs:
            raise DataError(
                f"{self.folder} has measurements with other {', '.join(differs)}: give another folder, or remove it."
            )

    def once(self, key: str, kind: type[T], find: Callable[[], T]) -> T:
        """What was found before, or is found now and kept; what failed, as for want of time, is tried again."""
        known = self.known(key, kind)
        if known is None or vars(known).get("reason"):
            return self.keep(key, find())
        return known

    def known(self, key: str, kind: type[T]) -> T | None:
        """What was found before.

        Raises:
            DataError: it is damaged.
        """
        file = self._file(key)
        if not file.exists():
            return None
        return from_json(kind, read_json(file, DataError, str(file)), DataError, str(file))

    def forget(self, glob: str) -> None:
        """Whatever was found by keys such as `executorch/ours fp32.*`."""
        for file in (self.folder / FOUND).glob(self._file(glob).name):
            file.unlink()

    def keep(self, key: str, found: T) -> T:
        """Write down what was found."""
        _write(self._file(key), found)
        return found

    def _file(self, key: str) -> Path:
        return self.folder / FOUND / f"{key.replace('/', '.').replace(' ', '-').replace(',', '')}.json"


def _write(file: Path, value: object) -> None:
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(to_json(value), indent=1) + "\n", encoding="utf-8")
    partial.replace(file)
