"""The task that calibrates a network, for all recipes that calibrate alike."""

import io
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from levit_edge.bundle.recipe import Recipe
from levit_edge.data.locations import Location, read_bytes
from levit_edge.data.options import ImageOptions
from levit_edge.data.preprocess import Preprocessing
from levit_edge.documents import to_json
from levit_edge.quantize.cached_calibration import calibrated_to_bytes
from levit_edge.quantize.calibration.calibrated import calibrate_network
from levit_edge.quantize.report_data import LAYER_IMAGES
from levit_edge.sweep.inputs.calibration_files import ChosenImage, in_the_users_words, materialise
from levit_edge.sweep.inputs.sources import Shard
from levit_edge.sweep.tasks.call import PLACE, Task
from levit_edge.sweep.tasks.identity import Calibrated, Network
from levit_edge.sweep.tasks.network_tasks import deploy_form
from levit_edge.sweep.tasks.result import Result
from levit_edge.sweep.tasks.store import Store
from levit_edge.system.progress import Stages

__all__ = ["IMAGES", "PLAN", "Calibrate", "calibration_part"]

PLAN, IMAGES = "plan", "images"


def calibration_part(recipe: Recipe) -> Recipe:
    """What of `recipe` calibration depends on: recipes with equal parts share one calibration.

    How layers compute does not matter to it, but for bias correction, which looks at what they make.
    """
    plain = Recipe()
    part = replace(
        recipe,
        target=plain.target,
        onnx_attention=plain.onnx_attention,
        float16=plain.float16,
        onnx_float16=plain.onnx_float16,
    )
    if recipe.bias_correction:
        return part
    return replace(part, scheme=plain.scheme, dynamic_layers=(), float_layers=())


@dataclass(frozen=True, kw_only=True)
class Calibrate(Task):
    """Equalize, calibrate and round the weights of one network; see `levit_edge.quantize.plan.make_plan`."""

    kind: ClassVar[str] = "calibrate"
    network: Network
    preprocessing: Preprocessing
    recipe: Recipe
    """A `calibration_part`."""
    skip_bad_images: bool
    shards: tuple[Shard, ...] = field(metadata=PLACE)
    images: tuple[ChosenImage, ...] = field(metadata=PLACE)

    def parts(self) -> dict[str, dict[str, Any]]:
        """Images count by their names and contents, in whatever shards they are."""
        return {"": {"images": [[each.name, each.image.sha256] for each in self.images]}}

    def run(self, store: Store) -> dict[str, Result]:
        """The value is a `Calibrated`; the blobs are the plan and some images, for the tasks that go on with it."""
        import torch

        torch.set_num_threads(1)
        options = ImageOptions(skip_bad_images=self.skip_bad_images, workers=0)
        deploy = deploy_form(self.network, store)
        with tempfile.TemporaryDirectory(prefix="levit-edge-") as folder:
            images = materialise(self.shards, self.images, Path(folder))
            with in_the_users_words(images):
                network = calibrate_network(deploy, images, self.preprocessing, self.recipe, options, Stages())
            calibrated = Calibrated(images=network.provenance(""), warning=network.warning)
            blobs = {
                IMAGES: store.add(_some_images(network.readable)),
                # The images that go with the plan are all readable.
                PLAN: store.add(calibrated_to_bytes(replace(network, bad=()))),
            }
        return {"": Result(value=to_json(calibrated), blobs=blobs)}


def _some_images(images: Sequence[Location]) -> bytes:
    """The first images as they are, for the tasks that measure layers with them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for image in images[:LAYER_IMAGES]:
            archive.writestr(zipfile.ZipInfo(Path(str(image)).name), read_bytes(image))
    return buffer.getvalue()
