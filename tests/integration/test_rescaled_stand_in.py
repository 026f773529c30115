"""A checkpoint with wildly scaled channels gives the same INT8 accuracy as the original.

Residual streams and q/k pairs of the stand-in are rescaled at random over three decades, which leaves its fp32 logits
alone. INT8 is simulated in torch, which differs from the files by single steps
(tests/quantize/analysis/test_simulate.py).
"""

from pathlib import Path

import pytest
import torch

from levit_edge.bundle.recipe import Recipe
from levit_edge.data.classes import ModelClasses
from levit_edge.data.image_set import calibration_images, evaluation_images
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.loader import Decoder, batches
from levit_edge.data.options import PreprocessingChanges
from levit_edge.data.preprocess import Preprocessing
from levit_edge.data.sampling import balanced_sample
from levit_edge.model.checkpoint import read_checkpoint
from levit_edge.model.deploy import DeployLeViT
from levit_edge.model.fuse import fuse, relative_error
from levit_edge.quantize.analysis.layer_noise import FloatLogits, LogitNoise, network_noise
from levit_edge.quantize.analysis.simulate import simulate
from levit_edge.quantize.calibration.calibration_images import CalibrationImages
from levit_edge.quantize.plan import make_plan
from levit_edge.system.progress import Stages
from tests.quantize.conftest import STATIC
from tests.quantize.test_equalize import rescaled

pytestmark = [pytest.mark.export, pytest.mark.timeout(1800)]
BATCH = 20
IMAGES = 200
MOST_LOST_DB = 0.5
"""Of the logits' SQNR: it tells of noise that the top-1 of thousands of images would not show. Seen: 0.0."""
COLLAPSED_TOP1 = 30.0
"""Percent; chance is 10."""


def test_int8_of_a_rescaled_checkpoint_is_as_good(shared: Path) -> None:
    trained = read_checkpoint(shared / "checkpoints" / "levit-128S-imagenette.pth")
    preprocessing = Preprocessing.from_config(trained.config, PreprocessingChanges(resize=224))
    calibration = balanced_sample(calibration_images(shared / "data" / "imagenette" / "train"), 64, seed=0)
    classes = ModelClasses(outputs=trained.config.classes)
    evaluation = balanced_sample(evaluation_images(shared / "data" / "imagenette" / "val", classes), IMAGES, seed=0)
    original = fuse(trained.model)
    hostile = rescaled(original, seed=6)
    assert relative_error(original, hostile) <= 1e-5
    with CalibrationImages(calibration.images, preprocessing) as images:
        candidates = {
            "original": simulate(make_plan(original, images, Recipe(), Stages())),
            "rescaled": simulate(make_plan(hostile, images, Recipe(), Stages())),
            "plain": simulate(make_plan(hostile, images, STATIC, Stages())),
        }
    noises = evaluate(original, candidates, evaluation, preprocessing)
    sqnr_db = {name: noise.comparison.sqnr_db or 0.0 for name, noise in noises.items()}
    top1 = {name: 100 * noise.counts.top1 / noise.counts.samples for name, noise in noises.items()}
    print({name: f"top-1 {top1[name]:.2f} %, SQNR {sqnr_db[name]:.1f} dB" for name in noises})
    assert abs(sqnr_db["rescaled"] - sqnr_db["original"]) <= MOST_LOST_DB
    assert abs(top1["rescaled"] - top1["original"]) <= 100 / IMAGES
    assert top1["plain"] < COLLAPSED_TOP1


def evaluate(
    reference: DeployLeViT, candidates: dict[str, DeployLeViT], images: ImageSet, preprocessing: Preprocessing
) -> dict[str, LogitNoise]:
    assert images.labels is not None
    labels = images.labels
    with Decoder(images.images, preprocessing) as decoder:
        labelled = (
            (torch.from_numpy(batch), [labels[index] for index in indices])
            for indices, batch in batches(decoder, BATCH)
        )
        return network_noise(FloatLogits(reference), candidates, labelled)
