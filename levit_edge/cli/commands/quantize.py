"""`levit-edge quantize`: a checkpoint in, a verified bundle out."""

from pathlib import Path
from typing import Annotated

import typer

from levit_edge.bundle.recipe import OnnxAttention, Recipe, Target
from levit_edge.cli.options import (
    RECIPE,
    Calibration,
    CalibrationImages,
    Checkpoint,
    Equalize,
    JsonOutput,
    Limit,
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
from levit_edge.cli.terminal.console import print_json, show_warning, stdout, suggest
from levit_edge.cli.terminal.progress import stage_listener
from levit_edge.data.options import ImageOptions
from levit_edge.documents import to_json
from levit_edge.errors import ExitStatus

__all__ = ["quantize"]


def quantize(
    model: Model = None,
    checkpoint: Checkpoint = None,
    calibration: Calibration = None,
    evaluation: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Labelled images to measure the drop on, one folder per class. Without it only the"
            " agreement with fp32 is measured, on calibration images that were not used (except for the demo).",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where the bundle goes. [default: levit-SIZE-int8]")
    ] = None,
    resize: Resize = None,
    max_drop: Annotated[
        float | None,
        typer.Option(
            metavar="POINTS",
            help="Accuracy budget, percentage points of top-1: move layers to better schemes until the drop is within"
            " it. Half of the evaluation images choose, the others measure; exit status 4 if it is not kept.",
        ),
    ] = None,
    limit: Limit = None,
    calibration_images: CalibrationImages = RECIPE.calibration_images,
    scheme: SchemeChoice = RECIPE.scheme,
    dynamic_layer: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Make matching layers dynamic, such as `*.proj`; may be repeated."),
    ] = None,
    int8_attention: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN",
            help="Compute the products of matching attention blocks in int8 in the .pte file, such as `blocks.0`:"
            " faster, less accurate; may be repeated.",
        ),
    ] = None,
    target: Annotated[
        Target, typer.Option(help="The processors that the int8 ONNX file is for: the same result, faster there.")
    ] = RECIPE.target,
    onnx_attention: Annotated[
        OnnxAttention,
        typer.Option(help="Attention in both ONNX files: `plain` for any runtime, `fused` for onnxruntime >= 1.23."),
    ] = RECIPE.onnx_attention,
    equalize: Equalize = RECIPE.equalize,
    weight_rounding: WeightRoundingChoice = RECIPE.weight_rounding,
    bias_correction: Annotated[
        bool, typer.Option(help="Make up for the mean error of each output channel.")
    ] = RECIPE.bias_correction,
    range_method: RangeMethodChoice = RECIPE.range_method,
    percentile: Annotated[
        float,
        typer.Option(metavar="PERCENT", help="Percent of values that `--range-method percentile` keeps on each side."),
    ] = RECIPE.percentile,
    float_layer: Annotated[
        list[str] | None,
        typer.Option(metavar="PATTERN", help="Keep matching layers in float, such as `stem.*`; may be repeated."),
    ] = None,
    seed: Seed = RECIPE.seed,
    skip_bad_images: SkipBadImages = False,
    bench: Annotated[
        bool,
        typer.Option("--bench/--no-bench", help="Time the files on this computer for some seconds, for the report."),
    ] = True,
    thumbnails: Annotated[
        bool,
        typer.Option(
            "--thumbnails/--no-thumbnails",
            help="Keep small pictures of evaluation images that INT8 classifies otherwise than fp32, at most 24, for"
            " the report.",
        ),
    ] = True,
    workers: Workers = None,
    json: JsonOutput = False,
) -> int:
    """Quantize a trained LeViT to INT8, export it to ExecuTorch and ONNX, and measure what was lost.

    The result is a bundle: a folder with fp32 and INT8 files for both runtimes, labels, checksums and a report.
    Begin with --checkpoint, --calibration and --evaluation: the other defaults are chosen by measurement.
    """
    require_model(model, checkpoint)
    recipe = Recipe(
        calibration_images=calibration_images,
        seed=seed,
        scheme=scheme,
        target=target,
        onnx_attention=onnx_attention,
        dynamic_layers=tuple(dynamic_layer or ()),
        int8_attention=tuple(int8_attention or ()),
        equalize=equalize,
        weight_rounding=weight_rounding,
        bias_correction=bias_correction,
        range_method=range_method,
        percentile=percentile,
        float_layers=tuple(float_layer or ()),
    )
    from levit_edge.cli.show.tables import bundle_json, search_summary, verification_table
    from levit_edge.quantize.pipeline import quantize as quantize_checkpoint

    bundle = quantize_checkpoint(
        checkpoint,
        size=model,
        output=output or Path(f"levit-{model or 'custom'}-int8"),
        calibration=calibration,
        evaluation=evaluation,
        recipe=recipe,
        options=ImageOptions(resize=resize, limit=limit, skip_bad_images=skip_bad_images, workers=workers),
        max_drop_pt=max_drop,
        bench=bench,
        thumbnails=thumbnails,
        listener=stage_listener(json=json),
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
    missed = manifest.search is not None and not manifest.search.held
    failed = missed or manifest.verification.gate.passed is False
    if not json:
        if failed:
            inputs = {
                "--model": model,
                "--checkpoint": checkpoint,
                "--calibration": calibration,
                "--evaluation": evaluation,
            }
            suggest(("levit-edge", "sensitivity", *(word for item in inputs.items() if item[1] for word in item)))
        else:
            _suggest_uses(output or Path(bundle.path.name))
    return ExitStatus.GATE_FAILED if failed else ExitStatus.DONE


def _suggest_uses(bundle: Path) -> None:
    suggest(
        ("levit-edge", "predict", bundle, "PHOTO.jpg"),
        ("levit-edge", "bench", bundle),
        ("levit-edge", "package", bundle, "--for", "board"),
    )
