"""`levit-edge sensitivity`: which layers cost what, in accuracy and in time."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from levit_edge.bundle.recipe import Recipe
from levit_edge.cli.images import find_images
from levit_edge.cli.options import (
    PLOT_SUFFIXES,
    Calibration,
    Checkpoint,
    Classes,
    Devkit,
    JsonOutput,
    Labels,
    Model,
    Only,
    SkipBadImages,
    Weights,
    Workers,
    require_model,
    require_suffix,
)
from levit_edge.cli.preprocessing_options import with_preprocessing
from levit_edge.cli.recipe_options import with_recipe
from levit_edge.cli.terminal.console import print_json, say, show_warning, stdout
from levit_edge.cli.terminal.progress import TerminalListener
from levit_edge.data.options import ImageOptions, PreprocessingChanges
from levit_edge.system.atomic import require_writable, reserved

__all__ = ["sensitivity"]

Evaluation = Annotated[
    Path | None,
    typer.Option(metavar="IMAGES", help="Images to measure on, labelled or not; without labels, no flips."),
]
Images = Annotated[
    int, typer.Option(min=1, metavar="N", help="Measure on a class-balanced sample of at most N images.")
]
Top = Annotated[int, typer.Option(min=0, metavar="N", help="Show the N layers that cost the most; 0 shows all.")]
Times = Annotated[
    bool, typer.Option("--times/--no-times", help="Measure what each layer takes in ExecuTorch, in each scheme.")
]
Plot = Annotated[Path | None, typer.Option(metavar="FILE", help="Draw all layers into this .png or .svg file.")]


@with_recipe
@with_preprocessing
def sensitivity(
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
    preprocessing: PreprocessingChanges,
    images: Images = 128,
    top: Top = 20,
    times: Times = True,
    plot: Plot = None,
    recipe: Recipe,
    skip_bad_images: SkipBadImages = False,
    workers: Workers = None,
    json: JsonOutput = False,
) -> None:
    """Measure what quantizing each layer alone costs in accuracy, and what leaving it in float costs in time.

    Layers are listed by what they cost. The last lines say which one to leave in float (`quantize --float-layer`) or to
    make dynamic (`--dynamic-layer`) first, and what that costs in time.
    """
    require_suffix(plot, PLOT_SUFFIXES, "--plot")
    if plot is not None:
        require_writable(plot, "--plot")
    model = require_model(model, checkpoint)
    sources = ImageOptions(preprocessing=preprocessing, classes=classes, labels=labels, devkit=devkit, only=only)
    options = replace(sources, skip_bad_images=skip_bad_images, workers=workers)
    find_images(options, calibration, evaluation, json=json)
    from levit_edge.cli.show.sensitivity import print_sensitivity
    from levit_edge.documents import to_json
    from levit_edge.quantize.analysis.sensitivity import sensitivity as measure
    from levit_edge.report.command_line import Asked

    network = Asked(model=model, checkpoint=checkpoint, weights=weights, recipe=recipe)
    asked = replace(network, calibration=calibration, evaluation=evaluation, options=options)
    with nullcontext() if plot is None else reserved(plot, "--plot"):
        measured = measure(
            **asked.arguments() | {"options": replace(options, limit=images)},
            costs=times,
            listener=None if json else TerminalListener(),
            warn=show_warning,
        )
        if plot is not None:
            from levit_edge.quantize.analysis.sensitivity_plot import sensitivity_plot

            sensitivity_plot(measured).write(plot)
    if json:
        print_json(to_json(measured))
        return
    print_sensitivity(measured, stdout, rows=top or len(measured.layers), asked=asked)
    if plot is not None:
        say(f"plot: {plot}")
