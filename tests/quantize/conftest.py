"""The embedded demo, fused and calibrated once for all tests of this folder."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch
from torch.fx import GraphModule

from levit_edge import demo
from levit_edge.bundle.recipe import Recipe, Scheme, WeightRounding
from levit_edge.data.image_set import calibration_images
from levit_edge.data.loader import Decoder, batches
from levit_edge.data.options import ImageOptions
from levit_edge.data.preprocess import Preprocessing
from levit_edge.data.sampling import balanced_sample
from levit_edge.model.checkpoint import read_checkpoint
from levit_edge.model.deploy import DeployLeViT
from levit_edge.model.fuse import fuse
from levit_edge.quantize.plan import Plan, make_plan
from levit_edge.quantize.quantizer import quantize_graph
from levit_edge.system.progress import Advance, Stages
from tests.faults.tiny_levit import TINY
from tests.model.conftest import seeded_levit

STATIC = Recipe(scheme=Scheme.STATIC, weight_rounding=WeightRounding.NEAREST, equalize=False, float16=False)
"""Plain INT8: nothing but ranges from calibration."""


class Tensors:
    """Images that are already decoded, in the place of `CalibrationImages`."""

    def __init__(self, images: torch.Tensor) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def tensors(self, advance: Advance) -> Iterator[torch.Tensor]:
        for batch in torch.split(self.images, 5):
            yield batch
            advance(len(batch))


def plan_of(deploy: DeployLeViT, images: torch.Tensor, recipe: Recipe = STATIC) -> Plan:
    """The plan that calibrating `deploy` on `images` gives."""
    return make_plan(deploy, Tensors(images), recipe, Stages())


@dataclass(frozen=True, kw_only=True)
class Demo:
    """The demo, or a smaller network, at each step of its way to plain INT8."""

    deploy: DeployLeViT
    images: torch.Tensor
    plan: Plan
    graph: GraphModule


@pytest.fixture(scope="session")
def demo_steps() -> Demo:
    """The demo, calibrated on 24 embedded photographs."""
    checkpoint = read_checkpoint(demo.checkpoint_path())
    return steps_of(fuse(checkpoint.model), photographs(Preprocessing.from_config(checkpoint.config)))


@pytest.fixture(scope="session")
def tiny_steps() -> Demo:
    """A LeViT with each kind of block and 64 pixels, calibrated alike: its files are made in a third of the time."""
    return steps_of(fuse(seeded_levit(TINY)), photographs(Preprocessing.from_config(TINY)))


def photographs(preprocessing: Preprocessing, count: int = 24) -> torch.Tensor:
    """So many of those that are embedded."""
    chosen = balanced_sample(calibration_images(demo.calibration_dir()), count, seed=0)
    with Decoder(chosen.images, preprocessing, ImageOptions(workers=0)) as decoder:
        ((_, images),) = batches(decoder, count)
    return torch.from_numpy(images)


def steps_of(deploy: DeployLeViT, images: torch.Tensor) -> Demo:
    plan = plan_of(deploy, images)
    return Demo(deploy=deploy, images=images, plan=plan, graph=quantize_graph(plan))
