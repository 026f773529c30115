"""One row of a latency comparison before it is measured: who made the file, what runs it, how it is built."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from levit_edge.bundle.kinds import Precision

if TYPE_CHECKING:
    from torch import Tensor

    from levit_edge.model.checkpoint import Checkpoint

__all__ = ["IMAGES", "OPTIONS", "Build", "Contender", "Engine", "Product", "Workshop", "build_with", "named"]

Floats = NDArray[np.float32]
IMAGES = "images.npy"
OPTIONS = "options.json"
"""Beside a file: how its engine is to run it, where that is not in the file and not the default."""


class Engine(StrEnum):
    """What runs a file."""

    EXECUTORCH = "executorch"
    ONNXRUNTIME = "onnxruntime"
    OPENVINO = "openvino"
    LITERT = "litert"
    NCNN = "ncnn"
    MNN = "mnn"
    TORCH = "torch"
    """Eager."""
    TORCH_COMPILE = "torch.compile"
    """With its defaults: Inductor, which generates C++."""


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """Where files are built, and from what: plain data that crosses process borders."""

    folder: Path
    """Holds the images, and everything that is built."""
    checkpoint: Path
    """A file or folder, as `levit_edge.model.checkpoint.read_checkpoint` takes it."""
    size: str | None

    def images(self) -> Floats:
        """The calibration images, float32 (N, 3, size, size)."""
        images: Floats = np.load(self.folder / IMAGES)
        return images

    def example(self) -> "Tensor":
        """The first of them, float32 (1, 3, size, size)."""
        import torch

        return torch.from_numpy(self.images()[:1])

    def read(self) -> "Checkpoint":
        """The trained network that all contenders are made from."""
        from levit_edge.model.checkpoint import read_checkpoint

        return read_checkpoint(self.checkpoint, self.size)

    def once(self, name: str, make: Callable[[Path], None]) -> Path:
        """The file `name` that several builds start from: made by the first, found by the others."""
        target = self.folder / name
        if not target.exists():
            partial_file = target.with_name(f"partial-{name}")
            make(partial_file)
            partial_file.replace(target)
        return target


@dataclass(frozen=True, kw_only=True)
class Product:
    """A contender's file, ready to be opened by its engine."""

    file: Path
    size_bytes: int
    """Of the file and of those that belong to it."""
    note: str
    """What a reader must know to compare it with the others."""


class Build(Protocol):
    """Makes the file inside `folder`, which is empty; whatever it raises becomes the row's reason."""

    def __call__(self, workshop: Workshop, folder: Path) -> tuple[Path, str]:
        """The file and its note."""


def build_with(function: str, **choices: Any) -> Build:
    """The `Build` of that name, imported where it is called: `benchmarks.peers.routes.onnx_fp32`.

    So the process that watches over the others, and theirs before they begin, import neither torch nor any peer.
    """
    return partial(_call, function, **choices)


def _call(function: str, workshop: Workshop, folder: Path, **choices: Any) -> tuple[Path, str]:
    made: tuple[Path, str] = named(function)(workshop, folder, **choices)
    return made


def named(function: str) -> Callable[..., Any]:
    """The function of that name."""
    module, _, name = function.rpartition(".")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


@dataclass(frozen=True, kw_only=True)
class Contender:
    """Who takes part."""

    name: str
    """Unique within its engine."""
    engine: Engine
    precision: Precision | None
    """None: not known, of a file that was given."""
    requires: tuple[str, ...]
    """Modules without which it can neither be built nor run."""
    build: Build
    """Importable by name: it runs in another process."""
    process: str
    """Contenders that name the same one are built there one after the other, and share what is imported and cached."""
    float16: bool = False
    """Whether it computes in float16 where the processor can, so that its accuracy elsewhere is another."""

    @property
    def ours(self) -> bool:
        """Whether levit-edge's export made it, or what it was converted from."""
        return self.name.startswith("ours ")

    @property
    def key(self) -> str:
        """What `--only` patterns are matched with."""
        return f"{self.engine}/{self.name}"
