"""What every quantizer of the comparison gets, and what it gives back: plain data that crosses process borders."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from levit_edge.bundle.kinds import Runtime
from levit_edge.data.loader import Decoder
from levit_edge.data.preprocess import Preprocessing

if TYPE_CHECKING:
    from levit_edge.model.deploy import DeployLeViT

__all__ = ["Build", "Built", "Peer", "Task"]

Floats = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Task:
    """One network and the images to calibrate it on."""

    checkpoint: Path
    """A file or folder, as `levit_edge.model.checkpoint.read_checkpoint` takes it."""
    size: str | None
    preprocessing: Preprocessing
    calibration: tuple[Path, ...]
    fp32_onnx: bytes
    """levit-edge's own `fp32.onnx`: the deploy form, before any quantization."""

    def deploy(self) -> "DeployLeViT":
        """The network with batch norm folded, as levit-edge quantizes it."""
        from levit_edge.model.checkpoint import read_checkpoint
        from levit_edge.model.fuse import fuse

        return fuse(read_checkpoint(self.checkpoint, self.size).model)

    def images(self) -> list[Floats]:
        """The calibration images, each float32 (1, 3, size, size)."""
        with Decoder(self.calibration, self.preprocessing) as decoder:
            return [np.stack([image]) for _, image in decoder]


@dataclass(frozen=True, kw_only=True)
class Built:
    """One int8 file."""

    model: bytes
    calibration_images: int
    note: str
    """What a reader must know to compare it with the others."""


class Build(Protocol):
    """Quantizes and exports; whatever it raises becomes the row's reason."""

    def __call__(self, task: Task) -> Built:
        """Make the file."""


@dataclass(frozen=True, kw_only=True)
class Peer:
    """One row of the comparison."""

    name: str
    runtime: Runtime
    requires: tuple[str, ...]
    """Modules without which it cannot run."""
    build: Build | partial[Built]
    """Importable by name: it runs in a process of its own."""
