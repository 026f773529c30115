"""`levit-edge quantize`: a checkpoint in, a verified bundle out."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from levit_edge.bundle.kinds import GateOn
from levit_edge.bundle.place import require_output
from levit_edge.bundle.recipe import Recipe
from levit_edge.cli.images import find_images
from levit_edge.cli.options import (
    AllowPoorFp32,
    Calibration,
    Checkpoint,
    Classes,
    Devkit,
    GateOnChoice,
    JsonOutput,
    Labels,
    Limit,
    Model,
    Only,
    SkipBadImages,
    Weights,
    Workers,
    finite,
    require_model,
)
from levit_edge.cli.preprocessing_options import with_preprocessing
from levit_edge.cli.recipe_options import with_recipe
from levit_edge.cli.terminal.console import show_note, show_warning, suggest
from levit_edge.cli.terminal.progress import TerminalListener
from levit_edge.data.options import ImageOptions, PreprocessingChanges
from levit_edge.errors import ExitStatus

if TYPE_CHECKING:
    from levit_edge.bundle.manifest import Manifest
    from levit_edge.report.command_line import Asked

__all__ = ["quantize"]

Evaluation = Annotated[
    Path | None,
    typer.Option(
        metavar="IMAGES",
        help="Labelled images to measure the drop on: class folders, a tar file, imagenette, … Without it only the"
        " agreement with fp32 is measured, on calibration images that were not used (except for the demo).",
    ),
]
Output = Annotated[Path | None, typer.Option(metavar="DIR", help="Where the bundle goes. [default: levit-SIZE-int8]")]
Budget = Annotated[
    float | None,
    typer.Option(
        metavar="POINTS",
        callback=finite,
        help="Accuracy budget, percentage points of top-1: move layers to better schemes until the drop is within"
        " it. Half of the evaluation images choose, the others measure; exit status 4 if it is not kept.",
    ),
]
Bench = Annotated[
    bool, typer.Option("--bench/--no-bench", help="Time the files on this computer for some seconds, for the report.")
]
Thumbnails = Annotated[
    bool,
    typer.Option(
        "--thumbnails/--no-thumbnails",
        help="Keep small pictures of evaluation images that INT8 classifies otherwise than fp32, at most 24, for"
        " the report.",
    ),
]


@with_recipe
@with_preprocessing
def quantize(
    *,
    model: Model = None,
    checkpoint: Checkpoint = None,
    weights: Weights = None,
    calibration: Calibration = None,
    evaluation: Evaluation = None,
    classes: Classes = None,
    labels: Labels = None,
    devkit: Devkit = None,
    only: Only = None,
    output: Output = None,
    preprocessing: PreprocessingChanges,
    max_drop: Budget = None,
    gate_on: GateOnChoice = GateOn.DROP,
    allow_poor_fp32: AllowPoorFp32 = False,
    limit: Limit = None,
    recipe: Recipe,
    skip_bad_images: SkipBadImages = False,
    bench: Bench = True,
    thumbnails: Thumbnails = True,
    workers: Workers = None,
    json: JsonOutput = False,
) -> int:
    """Quantize a trained LeViT to INT8, export it to ExecuTorch and ONNX, and measure what was lost.

    The result is a bundle: a folder with fp32 and INT8 files for both runtimes, labels, checksums and a report.
    Begin with --checkpoint, --calibration and --evaluation: the other defaults are chosen by measurement.
    """
    model = require_model(model, checkpoint)
    require_output(place := output or Path(f"levit-{model or 'custom'}-int8"))
    images = ImageOptions(preprocessing=preprocessing, classes=classes, labels=labels, devkit=devkit, only=only)
    options = replace(images, limit=limit, skip_bad_images=skip_bad_images, workers=workers)
    find_images(options, calibration, evaluation, json=json)
    from levit_edge.cli.show.tables import print_bundle
    from levit_edge.quantize.pipeline import quantize as quantize_checkpoint
    from levit_edge.report.command_line import Asked
    from levit_edge.runtime.evaluation.gate import GateRules

    rules = GateRules(max_drop_pt=max_drop, on=gate_on, allow_poor_fp32=allow_poor_fp32)
    network = Asked(model=model, checkpoint=checkpoint, weights=weights, recipe=recipe)
    asked = replace(network, calibration=calibration, evaluation=evaluation, options=options, rules=rules)
    bundle = quantize_checkpoint(
        output=place,
        **asked.arguments(),
        rules=rules,
        bench=bench,
        thumbnails=thumbnails,
        listener=None if json else TerminalListener(),
        warn=show_warning,
        note=show_note,
    )
    print_bundle(bundle, json=json)
    failed = _failed(bundle.manifest)
    if not json and (failed or bundle.manifest.verification.poor_fp32 is None):
        _suggest(place, asked if failed else None)
    return ExitStatus.GATE_FAILED if failed else ExitStatus.DONE


def _suggest(place: Path, failed: "Asked | None") -> None:
    """What to do next; `failed` was asked of a run that did not keep its gate or budget."""
    if failed is not None:
        suggest([word for option in failed.sensitivity(unlike=Recipe()) for word in option])
        return
    uses = (("predict", place, "PHOTO.jpg"), ("bench", place), ("package", place, "--for", "board"))
    suggest(*(("levit-edge", *words) for words in uses))


def _failed(manifest: "Manifest") -> bool:
    missed = manifest.search is not None and not manifest.search.held
    return missed or manifest.verification.gate.passed is False
