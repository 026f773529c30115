"""The embedded demo, fused and calibrated once for all tests of this folder."""

from dataclasses import dataclass

import pytest
import torch
from torch.fx import GraphModule

from levit_edge.data import demo
from levit_edge.data.imagefolder import read_image_folder
from levit_edge.data.loader import Decoder, batches
from levit_edge.data.preprocess import Preprocessing
from levit_edge.data.sampling import balanced_sample
from levit_edge.model.checkpoint import read_checkpoint
from levit_edge.model.deploy import DeployLeViT
from levit_edge.model.fuse import fuse
from levit_edge.quantize.calibrate import LayerRanges, calibrate
from levit_edge.quantize.quantizer import quantize_graph
from levit_edge.quantize.recipe import Recipe


@dataclass(frozen=True, kw_only=True)
class Demo:
    """The demo at each step of its way."""

    deploy: DeployLeViT
    images: torch.Tensor
    ranges: dict[str, LayerRanges]
    graph: GraphModule


@pytest.fixture(scope="session")
def demo_steps() -> Demo:
    """Calibrated on 24 embedded photographs."""
    checkpoint = read_checkpoint(demo.checkpoint_path())
    chosen = balanced_sample(read_image_folder(demo.calibration_dir(), None), 24, seed=0)
    with Decoder(chosen.images, Preprocessing.from_config(checkpoint.config), workers=0) as decoder:
        ((_, images),) = batches(decoder, 24)
    deploy, tensor = fuse(checkpoint.model), torch.from_numpy(images)
    ranges = calibrate(deploy, torch.split(tensor, 5), Recipe())
    return Demo(deploy=deploy, images=tensor, ranges=ranges, graph=quantize_graph(deploy, ranges, Recipe()))
