"""The task that calibrates a network, for all recipes that calibrate alike."""

import io
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from levit_edge.bundle.recipe import Recipe
from levit_edge.data.options import ImageOptions
from levit_edge.data.preprocess import Preprocessing
from levit_edge.documents import from_json, to_json
from levit_edge.errors import SweepError
from levit_edge.quantize.calibration.calibrated import calibrate_network
from levit_edge.quantize.evidence import LAYER_IMAGES
from levit_edge.quantize.kept_plan import calibrated_to_bytes
from levit_edge.sweep.inputs.calibration_files import ChosenImage, materialise
from levit_edge.sweep.inputs.sources import Shard
from levit_edge.sweep.tasks.call import Call, Result
from levit_edge.sweep.tasks.facts import Calibrated
from levit_edge.sweep.tasks.network_tasks import deploy_form
from levit_edge.sweep.tasks.store import Store
from levit_edge.system.progress import Stages

__all__ = ["IMAGES", "PLAN", "calibrate", "calibration_part"]

PLAN, IMAGES = "plan", "images"


def calibration_part(recipe: Recipe) -> Recipe:
    """What of `recipe` calibration depends on: recipes with equal parts share one calibration.

    How layers compute does not matter to it, but for bias correction, which looks at what they make.
    """
    plain = Recipe()
    part = replace(recipe, target=plain.target, onnx_attention=plain.onnx_attention)
    if recipe.bias_correction:
        return part
    return replace(part, scheme=plain.scheme, dynamic_layers=(), float_layers=())


def calibrate(call: Call, store: Store) -> dict[str, Result]:
    """Equalize, calibrate and round the weights of one network; see `levit_edge.quantize.plan.make_plan`."""
    import torch

    torch.set_num_threads(call.cpus)
    ((name, inputs),) = call.pieces.items()
    recipe = from_json(Recipe, inputs["recipe"], SweepError, "a call")
    preprocessing = from_json(Preprocessing, inputs["preprocessing"], SweepError, "a call")
    shards = [from_json(Shard, each, SweepError, "a call") for each in call.places["shards"]]
    chosen = [from_json(ChosenImage, each, SweepError, "a call") for each in call.places["images"]]
    deploy = deploy_form(call, inputs["checkpoint"])
    options = ImageOptions(skip_bad_images=inputs["skip_bad_images"], workers=0)
    with tempfile.TemporaryDirectory(prefix="levit-edge-") as folder:
        images = materialise(shards, chosen, Path(folder))
        network = calibrate_network(deploy, images, preprocessing, recipe, options, Stages())
        calibrated = Calibrated(images=network.provenance(call.places["source"]), alike=network.alike)
        blobs = {
            IMAGES: store.add(_some_images(network.readable)),
            # The images that go with the plan are all readable.
            PLAN: store.add(calibrated_to_bytes(replace(network, bad=()))),
        }
    return {name: Result(value=to_json(calibrated), blobs=blobs)}


def _some_images(images: Sequence[Path]) -> bytes:
    """The first images as they are, for the tasks that measure layers with them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path in images[:LAYER_IMAGES]:
            archive.writestr(zipfile.ZipInfo(path.name), path.read_bytes())
    return buffer.getvalue()
