"""`levit-edge sensitivity`: which layers cost what, in accuracy and in time."""

from pathlib import Path
from typing import Annotated

import typer

from levit_edge.cli.console import TerminalListener, print_json, show_warning, stdout
from levit_edge.cli.options import JsonOutput, SkipBadImages, Workers
from levit_edge.model.config import CONFIGS
from levit_edge.quantize.recipe import RangeMethod, Recipe, Scheme, WeightRounding

__all__ = ["sensitivity"]

DEFAULTS = Recipe()
SIZES = ", ".join(CONFIGS)
PLOT_SUFFIXES = (".png", ".svg")


def sensitivity(
    model: Annotated[
        str | None, typer.Option(help=f"The size: {SIZES}. Recognised from --checkpoint if that is given.")
    ] = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|DIR|ID",
            help="Trained weights, as for `quantize`. [default: the published weights of --model]",
        ),
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Images to calibrate on. [default: embedded photographs, which are not ImageNet]"
        ),
    ] = None,
    evaluation: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Images to measure on, one folder per class; without labels, no flips."),
    ] = None,
    resize: Annotated[
        int | None,
        typer.Option(metavar="PIXELS", help="Length of the short side before the centre crop. [default: 256 for 224]"),
    ] = None,
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
    calibration_images: Annotated[int, typer.Option(min=1, help="How many images to calibrate on.")] = (
        DEFAULTS.calibration_images
    ),
    scheme: Annotated[
        Scheme, typer.Option(help="Which layers are planned to be dynamic, as for `quantize`.")
    ] = DEFAULTS.scheme,
    equalize: Annotated[
        bool, typer.Option(help="Rescale residual streams and q/k pairs first, which is exact in fp32.")
    ] = DEFAULTS.equalize,
    weight_rounding: Annotated[
        WeightRounding, typer.Option(help="How weights are rounded to int8.")
    ] = DEFAULTS.weight_rounding,
    range_method: Annotated[
        RangeMethod, typer.Option(help="How activation ranges are chosen.")
    ] = DEFAULTS.range_method,
    seed: Annotated[int, typer.Option(help="Seed of the choice of calibration images.")] = DEFAULTS.seed,
    skip_bad_images: SkipBadImages = False,
    workers: Workers = None,
    json: JsonOutput = False,
) -> None:
    """Measure what quantizing each layer alone costs in accuracy, and what leaving it in float costs in time.

    levit-edge sensitivity --model demo --plot demo.png
    levit-edge sensitivity --checkpoint my.pth --calibration train/ --evaluation val/
    """
    if model is None and checkpoint is None:
        raise typer.BadParameter(f"give --model ({SIZES}), or --checkpoint, or both.", param_hint="--model")
    if model is not None and model not in CONFIGS:
        raise typer.BadParameter(f"{model!r} is not a LeViT size; expected one of {SIZES}.", param_hint="--model")
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
    if plot is not None:
        from levit_edge.quantize.sensitivity_plot import require_writable

        require_writable(plot)
    from levit_edge.cli.sensitivity_table import print_sensitivity
    from levit_edge.documents import to_json
    from levit_edge.quantize.sensitivity import sensitivity as measure

    measured = measure(
        checkpoint,
        size=model,
        calibration=calibration,
        evaluation=evaluation,
        recipe=recipe,
        images=images,
        resize=resize,
        costs=times,
        skip_bad_images=skip_bad_images,
        workers=workers,
        listener=TerminalListener(),
        warn=show_warning,
    )
    if plot is not None:
        from levit_edge.quantize.sensitivity_plot import write_plot

        write_plot(measured, plot)
    if json:
        print_json(to_json(measured))
        return
    print_sensitivity(measured, stdout, rows=top or len(measured.layers))
    if plot is not None:
        stdout.print(f"plot: {plot}", markup=False, highlight=False, soft_wrap=True)
