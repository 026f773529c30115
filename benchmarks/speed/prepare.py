"""Before anything is built: the weights, the images, and what the weights make of the images in torch."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.speed.contender import IMAGES, Workshop
from benchmarks.speed.race import CHECKED_IMAGES
from levit_edge import demo
from levit_edge.bundle.manifest import ImageProvenance
from levit_edge.data.image_set import calibration_images
from levit_edge.data.loader import Decoder
from levit_edge.data.options import PreprocessingChanges
from levit_edge.data.preprocess import Preprocessing
from levit_edge.data.sampling import balanced_sample
from levit_edge.model.config import CONFIGS
from levit_edge.model.macs import multiply_adds

__all__ = ["Prepared", "Wanted", "prepare"]

SEED = 0
RANDOM = "random"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the user asked for."""

    checkpoint: str | None
    """None: the embedded demo, or random weights of the other sizes."""
    size: str | None
    resize: int | None
    calibration: Path | None
    """None: the embedded photographs."""
    calibration_images: int


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What all contenders start from."""

    workshop: Workshop
    model: str
    classes: int
    multiply_adds: int
    weights: str
    """Where they come from: the checkpoint's name, or `random`."""
    checkpoint_sha256: str
    calibration: ImageProvenance
    logits: NDArray[np.float32]
    """(images, classes) of the first `CHECKED_IMAGES` images, in float32, by torch."""


def prepare(wanted: Wanted, folder: Path) -> Prepared:
    """Read or make the weights, decode the images into `folder`, run the network.

    Raises:
        LevitEdgeError: the checkpoint or the images are not usable.
    """
    import torch

    from levit_edge.model.checkpoint import read_checkpoint

    path, weights = _checkpoint(wanted, folder)
    trained = read_checkpoint(path, wanted.size)
    root = wanted.calibration or demo.calibration_dir()
    found = calibration_images(root)
    chosen = balanced_sample(found, min(wanted.calibration_images, len(found)), SEED)
    preprocessing = Preprocessing.from_config(trained.config, PreprocessingChanges(resize=wanted.resize))
    with Decoder(chosen.images, preprocessing) as decoder:
        images = np.stack([image for _, image in decoder])
    np.save(folder / IMAGES, images)
    with torch.inference_mode():
        logits = trained.model(torch.from_numpy(images[:CHECKED_IMAGES])).numpy()
    return Prepared(
        workshop=Workshop(folder=folder, checkpoint=path, size=wanted.size),
        model=f"LeViT-{trained.config.name}",
        classes=trained.config.classes,
        multiply_adds=multiply_adds(trained.config),
        weights=weights,
        checkpoint_sha256=trained.sha256,
        calibration=ImageProvenance.of(
            str(wanted.calibration) if wanted.calibration else "embedded", chosen, [], list_files=True
        ),
        logits=logits,
    )


def _checkpoint(wanted: Wanted, folder: Path) -> tuple[Path, str]:
    import torch

    from benchmarks.speed.random_weights import random_levit
    from levit_edge.model.download import resolve_checkpoint

    if wanted.checkpoint is None and wanted.size not in {None, "demo"}:
        path = folder / "random.pth"
        torch.save(random_levit(CONFIGS[str(wanted.size)], SEED).state_dict(), path)
        return path, RANDOM
    path = resolve_checkpoint(wanted.checkpoint, wanted.size)
    return path, path.name
