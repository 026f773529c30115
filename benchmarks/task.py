"""What every quantizer of the comparison gets, and what it gives back: plain data that crosses process borders."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.speed.contender import Engine
from levit_edge import demo
from levit_edge.bundle.manifest import ImageProvenance
from levit_edge.data.loader import Decoder
from levit_edge.data.preprocess import Preprocessing

if TYPE_CHECKING:
    from levit_edge.model.deploy import DeployLeViT

__all__ = ["Build", "Built", "Peer", "Task"]

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Task:
    """One network and the images to calibrate it on."""

    folder: Path
    """Holds what several builds start from."""
    checkpoint: Path
    """A file or folder, as `levit_edge.model.checkpoint.read_checkpoint` takes it."""
    size: str | None
    resize: int | None
    """As `levit-edge quantize` takes it; `preprocessing` has it already."""
    preprocessing: Preprocessing
    calibration: ImageProvenance
    """The images that everybody calibrates on."""
    calibration_folder: Path | None
    """Where they lie; None: the embedded ones."""
    evaluation_folder: Path | None

    def deploy(self) -> "DeployLeViT":
        """The network with batch norm folded, as levit-edge quantizes it."""
        from levit_edge.model.checkpoint import read_checkpoint
        from levit_edge.model.fuse import fuse

        return fuse(read_checkpoint(self.checkpoint, self.size).model)

    def images(self) -> list[Floats]:
        """The calibration images, each float32 (1, 3, size, size)."""
        root = self.calibration_folder or demo.calibration_dir()
        with Decoder([root / file for file in self.calibration.files], self.preprocessing) as decoder:
            return [np.stack([image]) for _, image in decoder]

    def once(self, name: str, make: Callable[[Path], None]) -> Path:
        """What several builds start from, `name` in the folder: made by the first, found by the others."""
        target = self.folder / name
        if not target.exists():
            unfinished = target.with_name(f"partial-{name}")
            make(unfinished)
            unfinished.replace(target)
        return target


@dataclass(frozen=True, kw_only=True)
class Built:
    """One int8 file."""

    model: bytes
    calibration_images: int
    note: str
    """What a reader must know to compare it with the others."""
    seconds: float | None = None
    """From the checkpoint to the file; None: as long as the build took."""


class Build(Protocol):
    """Quantizes and exports; whatever it raises becomes the row's reason."""

    def __call__(self, task: Task) -> Built:
        """Make the file."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One row of the comparison; levit-edge's own are made by the same way."""

    name: str
    """Unique within its runtime."""
    runtime: Engine
    requires: tuple[str, ...]
    """Modules without which it cannot run, and whose versions its row tells."""
    build: Build | partial[Built]
    """Importable by name: it runs in a process of its own."""

    @property
    def key(self) -> str:
        """What `--only` is compared with."""
        return f"{self.runtime}/{self.name}"
