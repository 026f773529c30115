"""INT8 on images that nobody calibrated for: other calibration images, and evaluation images that are spoilt.

    pip install -e '.[quantize,bench]'
    python -m benchmarks.robustness --checkpoint my.pth --calibration train/ --evaluation val/ --output robustness.json

Each set of calibration images gives one int8 network as `--scheme mixed` makes it, and one with every layer dynamic
that can be; all of them, simulated in torch, are compared with fp32 on the same images, as they are and corrupted
(`benchmarks.corruptions`). With --pte the file of the first and of the last of them is made and runs too.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.command import add_model_options, check_folders, command_line, conclude, positive
from benchmarks.corruptions import STRENGTHS, Corruption, corrupted
from benchmarks.document import circumstances
from benchmarks.material import Material, read_material
from benchmarks.robustness_results import CLEAN, Cell, Robustness, show
from levit_edge import demo
from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.recipe import EVERY_LAYER, Recipe, Scheme
from levit_edge.cli.terminal.progress import TerminalListener
from levit_edge.data.image_set import calibration_images
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.loader import Decoder, batches
from levit_edge.data.preprocess import Preprocessing
from levit_edge.data.sampling import balanced_sample
from levit_edge.model.deploy import DeployLeViT
from levit_edge.model.fuse import fuse
from levit_edge.quantize.analysis.layer_noise import LogitNoise
from levit_edge.quantize.analysis.simulate import simulate
from levit_edge.quantize.artifacts import export_all
from levit_edge.quantize.calibration.calibration_images import CalibrationImages
from levit_edge.quantize.plan import Plan, make_plan
from levit_edge.quantize.schemes.choice import layer_schemes
from levit_edge.runtime.runner import open_runner
from levit_edge.system.progress import Stages

__all__ = ["main", "run"]

PACKAGES = ("levit-edge", "torch", "executorch", "numpy", "pillow")
CAVEAT = "int8 beside fp32 on the same images: nothing about how well fp32 knows them, nor about ImageNet."
FEW = (32, 8)
"""How many own images calibrate besides all that were asked for."""
ALIKE = 32
"""How many of one class alone, at most."""
MIXED = Recipe(scheme=Scheme.MIXED)
EVERYTHING = Recipe(scheme=Scheme.MIXED, dynamic_layers=(EVERY_LAYER,))
RECIPES = {"stem, head": MIXED, "all": EVERYTHING}
BATCH = 16


class Network(Protocol):
    """(batch, 3, size, size) -> (batch, classes)."""

    def __call__(self, images: Tensor, /) -> Tensor: ...


@dataclass(frozen=True, kw_only=True)
class _Spoilt:
    """One corruption of all evaluation images."""

    kind: Corruption | None = None
    strength: float = 0.0

    def of(self, batch: NDArray[np.float32], first: int, preprocessing: Preprocessing) -> Tensor:
        if self.kind is None:
            return torch.from_numpy(batch)
        return torch.from_numpy(corrupted(batch, self.kind, self.strength, preprocessing, first))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; errors of the user become one message on stderr."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _options(arguments)
    return conclude(lambda: run(options, command_line("robustness", arguments)), options.output, show)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.robustness", description=(__doc__ or "").split("\n")[0])
    add_model_options(parser, "its size, if the checkpoint does not tell")
    parser.add_argument("--calibration", type=Path, metavar="DIR", help="images to calibrate on, in class folders")
    parser.add_argument("--evaluation", type=Path, metavar="DIR", help="images in class folders")
    parser.add_argument("--calibration-images", type=positive, default=256, metavar="N", help="the most [256]")
    parser.add_argument("--limit", type=positive, default=100, metavar="N", help="how many to evaluate on [100]")
    parser.add_argument("--pte", action="store_true", help="run int8.pte of the first and the last row, too")
    parser.add_argument("--output", type=Path, metavar="JSON", help="where the figures go besides the table")
    options = parser.parse_args(arguments)
    if None in {options.checkpoint, options.calibration, options.evaluation}:
        parser.error("give --checkpoint, --calibration and --evaluation")
    check_folders(parser, {"--output": options.output})
    return options


def run(options: argparse.Namespace, command: str) -> Robustness:
    """Calibrate in all ways, then evaluate all of them, corruption by corruption.

    Raises:
        LevitEdgeError: the checkpoint or the images are not usable.
    """
    stages = Stages(TerminalListener())
    material = read_material(
        Path(options.checkpoint),
        options.model,
        resize=options.resize,
        calibration=options.calibration,
        calibration_images=options.calibration_images,
        evaluation=options.evaluation,
        limit=options.limit,
    )
    deploy, ways = fuse(material.trained.model), calibrations(material.calibration)
    plans = _plans(deploy, ways, material.preprocessing, stages)
    networks: dict[str, Network] = {name: simulate(plan) for name, plan in plans.items()}
    if options.pte:
        for name in (next(iter(plans)), list(plans)[-1]):
            networks[f"{name}: `int8.pte`"] = _file(deploy, plans[name], material.preprocessing)
    return Robustness(
        caveat=CAVEAT,
        command=command,
        **circumstances(PACKAGES),
        model=f"LeViT-{material.trained.config.name}",
        checkpoint_sha256=material.trained.sha256,
        images=len(material.evaluation),
        calibration_images={name: len(images) for name, images in ways.items()},
        cells=tuple(_cells(deploy, networks, material, stages)),
    )


def calibrations(own: ImageSet) -> dict[str, ImageSet]:
    """The ways to calibrate: on all of these images, on few, on few of one class, and on embedded clothing."""
    fewer = [count for count in FEW if count < len(own)]
    ways = {f"{count} own": balanced_sample(own, count, 0) for count in (len(own), *fewer)}
    if own.labels is not None:
        alike = [index for index, label in enumerate(own.labels) if label == own.labels[0]][:ALIKE]
        ways[f"{len(alike)} of one class"] = own.select(alike)
    return ways | {"clothing": calibration_images(demo.calibration_dir())}


def _plans(
    deploy: DeployLeViT, ways: Mapping[str, ImageSet], preprocessing: Preprocessing, stages: Stages
) -> dict[str, Plan]:
    plans = {}
    for way, images in ways.items():
        with CalibrationImages(images.images, preprocessing) as decoded:
            plan = make_plan(deploy, decoded, MIXED, stages)
        for dynamic, recipe in RECIPES.items():
            plans[f"{way}, {dynamic}"] = plan.with_schemes(layer_schemes(plan.deploy, recipe))
    return plans


def _file(deploy: DeployLeViT, plan: Plan, preprocessing: Preprocessing) -> Network:
    """The plan's `int8.pte`, in its runtime."""
    wanted = f"{Precision.INT8}{Runtime.EXECUTORCH.entry.suffix}"
    exported = export_all(
        deploy,
        plan,
        Stages(),
        Recipe(float16=False),
        lambda file, make: make() if file == wanted else b"",
        preprocessing=preprocessing,
    )
    (model,) = (each.model for each in exported if each.file == wanted)
    runner = open_runner(Runtime.EXECUTORCH, model)
    return lambda images: torch.from_numpy(np.stack([runner.run(each[None]) for each in images.numpy()]))


def _cells(deploy: DeployLeViT, networks: Mapping[str, Network], material: Material, stages: Stages) -> Iterator[Cell]:
    """Images are decoded once, and each batch is spoilt in all ways."""
    ways = [_Spoilt(), *(_Spoilt(kind=kind, strength=each) for kind in STRENGTHS for each in STRENGTHS[kind])]
    noises = {(spoilt, name): LogitNoise() for spoilt in ways for name in networks}
    with (
        stages.stage("evaluate", total=len(material.evaluation) * len(ways)) as advance,
        Decoder(material.evaluation.images, material.preprocessing) as decoder,
        torch.inference_mode(),
    ):
        for indices, batch in batches(decoder, BATCH):
            for spoilt in ways:
                images = spoilt.of(batch, indices[0], material.preprocessing)
                expected = deploy(images)
                for name, network in networks.items():
                    noises[spoilt, name].add(expected, network(images), None)
                advance(len(batch))
    yield from (_cell(name, spoilt, noise) for (spoilt, name), noise in noises.items())


def _cell(name: str, spoilt: _Spoilt, noise: LogitNoise) -> Cell:
    comparison = noise.comparison
    return Cell(
        network=name,
        corruption=spoilt.kind or CLEAN,
        strength=None if spoilt.kind is None else spoilt.strength,
        sqnr_db=round(comparison.sqnr_db or float("inf"), 2),
        agreement=round(100 * comparison.same / comparison.samples, 2),
    )


if __name__ == "__main__":
    sys.exit(main())
