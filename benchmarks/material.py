"""What a comparison of recipes works on: a trained network, and images to calibrate and to evaluate on."""

from dataclasses import dataclass
from pathlib import Path

from levit_edge.data import image_set
from levit_edge.data.classes import ModelClasses
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.options import PreprocessingChanges
from levit_edge.data.preprocess import Preprocessing
from levit_edge.data.sampling import balanced_sample
from levit_edge.model.checkpoint import Checkpoint, read_checkpoint

__all__ = ["Material", "read_material"]


@dataclass(frozen=True, kw_only=True)
class Material:
    """All that a recipe is measured with."""

    trained: Checkpoint
    preprocessing: Preprocessing
    calibration: ImageSet
    evaluation: ImageSet


def read_material(
    checkpoint: Path,
    size: str | None,
    *,
    resize: int | None,
    calibration: Path,
    calibration_images: int,
    evaluation: Path,
    limit: int | None,
) -> Material:
    """Class-balanced samples of the images: of `calibration` exactly, of `evaluation` at most so many.

    Raises:
        LevitEdgeError: the checkpoint or the images are not usable.
    """
    trained = read_checkpoint(checkpoint, size)
    chosen = balanced_sample(image_set.calibration_images(calibration), calibration_images, 0)
    model = ModelClasses.of(trained.config.classes, trained.labels, None)
    images = image_set.evaluation_images(evaluation, model)
    return Material(
        trained=trained,
        preprocessing=Preprocessing.from_config(trained.config, PreprocessingChanges(resize=resize)),
        calibration=chosen,
        evaluation=images if limit is None else balanced_sample(images, min(limit, len(images)), 0),
    )
