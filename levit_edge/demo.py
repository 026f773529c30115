"""Where the embedded demo's files are: a small trained LeViT and CC0 photographs of clothing."""

import hashlib
from functools import cache
from pathlib import Path

from levit_edge.errors import DataError

__all__ = ["calibration_dir", "checkpoint_path", "evaluation_dir", "is_demo"]

FOLDER = Path(__file__).parent / "data" / "demo"


def checkpoint_path() -> Path:
    """The checkpoint of the model `demo`."""
    return _existing("levit-demo.safetensors")


def is_demo(sha256: str | None) -> bool:
    """Whether a checkpoint file of that hash is the demo's: own weights of its shape are another model."""
    return sha256 == _checkpoint_sha256()


@cache
def _checkpoint_sha256() -> str:
    return hashlib.sha256(checkpoint_path().read_bytes()).hexdigest()


def calibration_dir() -> Path:
    """Training photographs in ImageFolder layout, ten classes."""
    return _existing("calibration")


def evaluation_dir() -> Path:
    """Photographs that the demo model was not trained on, in ImageFolder layout, the same ten classes."""
    return _existing("evaluation")


def _existing(name: str) -> Path:
    path = FOLDER / name
    if not path.exists():
        raise DataError(f"the demo's {name} is missing from this installation ({path}): install levit-edge again")
    return path
