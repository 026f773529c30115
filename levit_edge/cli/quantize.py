"""`levit-edge quantize`: a checkpoint in, a verified bundle out."""

from pathlib import Path
from typing import Annotated

import typer

from levit_edge.cli.console import TerminalListener, print_json, show_warning, stdout
from levit_edge.cli.options import JsonOutput, Limit, MaxDrop, SkipBadImages, Workers
from levit_edge.documents import to_json
from levit_edge.errors import ExitStatus
from levit_edge.model.config import CONFIGS
from levit_edge.quantize.recipe import RangeMethod, Recipe, Scheme, WeightRounding

__all__ = ["quantize"]

DEFAULTS = Recipe()
SIZES = ", ".join(CONFIGS)


def quantize(
    model: Annotated[
        str | None, typer.Option(help=f"The size: {SIZES}. Recognised from --checkpoint if that is given.")
    ] = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|DIR|ID",
            help="Trained weights: original .pth, timm, a Hugging Face folder or model id."
            " [default: the published weights of --model]",
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
        typer.Option(metavar="DIR", help="Labelled images to measure the drop on, one folder per class."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the bundle goes. [default: levit-SIZE-int8]")
    ] = None,
    resize: Annotated[
        int | None,
        typer.Option(
            metavar="PIXELS",
            help="Length of the short side before the centre crop; the model's input size leaves images of that size"
            " as they are. [default: 256 for 224]",
        ),
    ] = None,
    max_drop: MaxDrop = None,
    limit: Limit = None,
    calibration_images: Annotated[int, typer.Option(min=1, help="How many images to calibrate on.")] = (
        DEFAULTS.calibration_images
    ),
    scheme: Annotated[
        Scheme,
        typer.Option(
            help="Which layers take their ranges from calibration and which at run time: none dynamic; all linears"
            " dynamic; stem and head dynamic."
        ),
    ] = DEFAULTS.scheme,
    dynamic_layer: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Make matching layers dynamic, such as `*.proj`; may be repeated."),
    ] = None,
    equalize: Annotated[
        bool, typer.Option(help="Rescale residual streams and q/k pairs first, which is exact in fp32.")
    ] = DEFAULTS.equalize,
    weight_rounding: Annotated[
        WeightRounding, typer.Option(help="How weights are rounded to int8.")
    ] = DEFAULTS.weight_rounding,
    bias_correction: Annotated[
        bool, typer.Option(help="Make up for the mean error of each output channel.")
    ] = DEFAULTS.bias_correction,
    range_method: Annotated[
        RangeMethod, typer.Option(help="How activation ranges are chosen.")
    ] = DEFAULTS.range_method,
    percentile: Annotated[
        float, typer.Option(help="Percent of values that `--range-method percentile` keeps on each side.")
    ] = DEFAULTS.percentile,
    float_layer: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Keep matching layers in float, such as `stem.*`; may be repeated."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the choice of calibration images.")] = DEFAULTS.seed,
    skip_bad_images: SkipBadImages = False,
    workers: Workers = None,
    json: JsonOutput = False,
) -> int:
    """Quantize a trained LeViT to INT8, export it to ExecuTorch and ONNX, and measure what was lost.

    levit-edge quantize --model demo
    levit-edge quantize --checkpoint my.pth --calibration train/ --evaluation val/ --max-drop 1
    """
    if model is None and checkpoint is None:
        raise typer.BadParameter(f"give --model ({SIZES}), or --checkpoint, or both.", param_hint="--model")
    if model is not None and model not in CONFIGS:
        raise typer.BadParameter(f"{model!r} is not a LeViT size; expected one of {SIZES}.", param_hint="--model")
    recipe = Recipe(
        calibration_images=calibration_images,
        seed=seed,
        scheme=scheme,
        dynamic_layers=tuple(dynamic_layer or ()),
        equalize=equalize,
        weight_rounding=weight_rounding,
        bias_correction=bias_correction,
        range_method=range_method,
        percentile=percentile,
        float_layers=tuple(float_layer or ()),
    )
    from levit_edge.cli.tables import bundle_json, search_summary, verification_table
    from levit_edge.quantize.pipeline import quantize as quantize_checkpoint

    bundle = quantize_checkpoint(
        checkpoint,
        size=model,
        output=output or Path(f"levit-{model or 'custom'}-int8"),
        calibration=calibration,
        evaluation=evaluation,
        recipe=recipe,
        resize=resize,
        max_drop_pt=max_drop,
        limit=limit,
        skip_bad_images=skip_bad_images,
        workers=workers,
        listener=TerminalListener(),
        warn=show_warning,
    )
    manifest = bundle.manifest
    if json:
        document = bundle_json(str(bundle.path), manifest.verification, manifest.stages)
        print_json(document | {"search": to_json(manifest.search)})
    else:
        verification_table(manifest.verification, stdout)
        if manifest.search is not None:
            search_summary(manifest.search, stdout)
        seconds = sum(stage.seconds for stage in manifest.stages)
        peak_mebibytes = max(stage.peak_rss_bytes for stage in manifest.stages) / 2**20
        stdout.print(f"{seconds:.0f} s, peak memory {peak_mebibytes:.0f} MiB", highlight=False)
        stdout.print(f"bundle: {bundle.path}", markup=False, highlight=False, soft_wrap=True)
        stdout.print(f"next: levit-edge predict {output or bundle.path.name} IMAGE…", markup=False, soft_wrap=True)
    missed = manifest.search is not None and not manifest.search.held
    return ExitStatus.GATE_FAILED if missed or manifest.verification.gate.passed is False else ExitStatus.DONE
