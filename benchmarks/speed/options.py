"""Options of the commands that let contenders compete."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.command import add_model_options, positive
from benchmarks.speed.catalogue import matching
from benchmarks.speed.contender import Contender
from benchmarks.speed.prepare import Wanted

__all__ = ["add_contest_options", "chosen_contenders", "wanted_from"]


def add_contest_options(parser: argparse.ArgumentParser, calibration_images: int) -> None:
    """The network, what it is calibrated on, who takes part, and where the figures go."""
    add_model_options(parser, "the size; without --checkpoint the embedded demo, or random weights of the others")
    parser.add_argument("--calibration", type=Path, metavar="DIR", help="images to calibrate on [embedded photographs]")
    parser.add_argument(
        "--calibration-images", type=positive, default=calibration_images, metavar="N", help="how many [%(default)s]"
    )
    parser.add_argument("--only", action="append", metavar="GLOB", help="contenders such as 'onnxruntime/timm *'")
    parser.add_argument("--output", type=Path, metavar="JSON", help="where the figures go besides the table")


def chosen_contenders(
    parser: argparse.ArgumentParser, known: Sequence[Contender], patterns: list[str] | None, *, others: bool = False
) -> list[Contender]:
    """Those of all `known` that --only asks for; none is an error unless `others` take part."""
    chosen = matching(known, patterns or ["*"])
    if not chosen and not others:
        parser.error(f"--only: no contender fits; there are {', '.join(each.key for each in known)}")
    return chosen


def wanted_from(options: argparse.Namespace) -> Wanted:
    """The network and what it is calibrated on."""
    return Wanted(
        checkpoint=options.checkpoint,
        size=options.model,
        resize=options.resize,
        calibration=options.calibration,
        calibration_images=options.calibration_images,
    )
