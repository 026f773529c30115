"""Builds that do not build what they should; importable by name, in a module that is light."""

import os
import signal
from pathlib import Path

from benchmarks.speed.contender import Workshop


def write(workshop: Workshop, folder: Path, size: int) -> tuple[Path, str]:
    (folder / "weights.bin").write_bytes(bytes(size))
    target = folder / "model.onnx"
    target.write_bytes(workshop.once("shared", _make).read_bytes())
    return target, "made up"


def _make(target: Path) -> None:
    target.write_bytes(b"12345")


def fail(workshop: Workshop, folder: Path) -> tuple[Path, str]:
    raise ValueError(f"no\nsuch operator in {workshop.size} {folder.name}")


def die(workshop: Workshop, folder: Path) -> tuple[Path, str]:  # noqa: ARG001
    os.kill(os.getpid(), signal.SIGKILL)
    raise RuntimeError("still alive")
