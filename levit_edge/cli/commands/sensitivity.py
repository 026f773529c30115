"""`levit-edge sensitivity`: which layers cost what, in accuracy and in time."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from levit_edge.bundle.recipe import Recipe
from levit_edge.cli.options import (
    RECIPE,
    Calibration,
    CalibrationImages,
    Checkpoint,
    Equalize,
    JsonOutput,
    Model,
    RangeMethodChoice,
    Resize,
    SchemeChoice,
    Seed,
    SkipBadImages,
    WeightRoundingChoice,
    Workers,
    require_model,
)
from levit_edge.cli.terminal.console import print_json, show_warning, stdout
from levit_edge.cli.terminal.progress import stage_listener
from levit_edge.data.options import ImageOptions
from levit_edge.system.atomic import reserved

__all__ = ["sensitivity"]

PLOT_SUFFIXES = (".png", ".svg")


def sensitivity(
    model: Model = None,
    checkpoint: Checkpoint = None,
    calibration: Calibration = None,
    evaluation: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Images to measure on, one folder per class; without labels, no flips."),
    ] = None,
    resize: Resize = None,
    images: Annotated[
        int, typer.Option(min=1, metavar="N", help="Measure on a class-balanced sample of at most N images.")
    ] = 128,
    top: Annotated[
        int, typer.Option(min=0, metavar="N", help="Show the N layers that cost the most; 0 shows all.")
    ] = 20,
    times: Annotated[bool, typer.Option(help="Measure what each layer takes in ExecuTorch, in each scheme.")] = True,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw all layers into this .png or .svg file.")
    ] = None,
    calibration_images: CalibrationImages = RECIPE.calibration_images,
    scheme: SchemeChoice = RECIPE.scheme,
    equalize: Equalize = RECIPE.equalize,
    weight_rounding: WeightRoundingChoice = RECIPE.weight_rounding,
    range_method: RangeMethodChoice = RECIPE.range_method,
    seed: Seed = RECIPE.seed,
    skip_bad_images: SkipBadImages = False,
    workers: Workers = None,
    json: JsonOutput = False,
) -> None:
    """Measure what quantizing each layer alone costs in accuracy, and what leaving it in float costs in time.

    Layers are listed by what they cost. The last lines say which one to leave in float (`quantize --float-layer`) or to
    make dynamic (`--dynamic-layer`) first, and what that costs in time.
    """
    require_model(model, checkpoint)
    if plot is not None and plot.suffix.lower() not in PLOT_SUFFIXES:
        raise typer.BadParameter(f"{plot} ends in neither .png nor .svg.", param_hint="--plot")
    recipe = Recipe(
        calibration_images=calibration_images,
        seed=seed,
        scheme=scheme,
        equalize=equalize,
        weight_rounding=weight_rounding,
        range_method=range_method,
    )
    from levit_edge.cli.show.sensitivity import print_sensitivity
    from levit_edge.documents import to_json
    from levit_edge.quantize.analysis.sensitivity import sensitivity as measure

    with nullcontext() if plot is None else reserved(plot, "--plot"):
        measured = measure(
            checkpoint,
            size=model,
            calibration=calibration,
            evaluation=evaluation,
            recipe=recipe,
            options=ImageOptions(resize=resize, limit=images, skip_bad_images=skip_bad_images, workers=workers),
            costs=times,
            listener=stage_listener(json=json),
            warn=show_warning,
        )
        if plot is not None:
            from levit_edge.quantize.analysis.sensitivity_plot import write_plot

            write_plot(measured, plot)
    if json:
        print_json(to_json(measured))
        return
    print_sensitivity(measured, stdout, rows=top or len(measured.layers))
    if plot is not None:
        stdout.print(f"plot: {plot}", markup=False, highlight=False, soft_wrap=True)
