"""The plan of a network with what was seen of the calibration images for it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from levit_edge.bundle.manifest import ImageProvenance
from levit_edge.bundle.recipe import Recipe
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.loader import BadImage
from levit_edge.data.locations import Location
from levit_edge.data.options import ImageOptions
from levit_edge.data.preprocess import Preprocessing
from levit_edge.model.deploy import DeployLeViT
from levit_edge.quantize.calibration.calibration_images import CalibrationImages
from levit_edge.quantize.plan import Plan, make_plan
from levit_edge.system.progress import Stages
from levit_edge.text import counted

__all__ = ["Calibrated", "calibrate_network"]


@dataclass(frozen=True, kw_only=True)
class Calibrated:
    """A calibrated network."""

    plan: Plan
    images: ImageSet
    bad: tuple[BadImage, ...]
    """Those of `images` that could not be read."""
    golden: NDArray[np.float32]
    """The first images: (at most 4, 3, size, size)."""
    alike: bool
    """Whether all images are one and the same."""

    @property
    def warning(self) -> str:
        """What to tell the user of the images; empty if there is nothing."""
        if not self.alike or len(self.images) == 1:
            return ""
        return (
            f"the {counted(len(self.images), 'calibration image')} are all the same picture: the ranges will"
            " not fit others. Give"
            " images like those that the model will see."
        )

    @property
    def readable(self) -> tuple[Location, ...]:
        """The images without those that were left out."""
        bad = {each.path for each in self.bad}
        return tuple(path for path in self.images.images if path not in bad)

    def provenance(self, source: str) -> ImageProvenance:
        """What was used of the folder that the user named `source`."""
        return ImageProvenance.of(source, self.images, self.bad, list_files=True)


def calibrate_network(
    deploy: DeployLeViT,
    images: ImageSet,
    preprocessing: Preprocessing,
    recipe: Recipe,
    options: ImageOptions,
    stages: Stages,
) -> Calibrated:
    """Make the plan of `deploy` by `recipe` on `images`.

    Raises:
        DataError: images cannot be read, and are not to be skipped.
        QuantizationError: see `levit_edge.quantize.plan.make_plan`.
    """
    with CalibrationImages(images.images, preprocessing, options) as passes:
        plan = make_plan(deploy, passes, recipe, stages)
    return Calibrated(plan=plan, images=images, bad=tuple(passes.bad), golden=passes.golden, alike=passes.alike)
