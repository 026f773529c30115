"""What each part of the recipe does: `python -m benchmarks.ablation --checkpoint … --calibration … --evaluation …`.

Every row is a recipe, computed by the eager simulation on the same evaluation images; with `--times`, plain INT8 and
the default recipe are also exported and timed side by side in both runtimes.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.material import read_material
from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.recipe import RangeMethod, Recipe, Scheme, WeightRounding
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.loader import Decoder, batches
from levit_edge.data.preprocess import Preprocessing
from levit_edge.model.checkpoint import Checkpoint
from levit_edge.model.fuse import fuse
from levit_edge.quantize.analysis.layer_noise import FloatLogits, LogitNoise, network_noise
from levit_edge.quantize.analysis.simulate import simulate
from levit_edge.quantize.artifacts import export_all
from levit_edge.quantize.calibration.calibration_images import CalibrationImages
from levit_edge.quantize.plan import Plan, make_plan
from levit_edge.runtime.runner import open_runner
from levit_edge.system.host import describe_host, package_versions
from levit_edge.system.progress import Stages

PLAIN = Recipe(scheme=Scheme.STATIC, equalize=False, weight_rounding=WeightRounding.NEAREST)
DEFAULT = Recipe()
ROWS: dict[str, Recipe] = {
    "plain: static, min-max, nearest": PLAIN,
    "plain + equalization": replace(PLAIN, equalize=True),
    "plain + GPTQ rounding": replace(PLAIN, weight_rounding=WeightRounding.GPTQ),
    "plain + bias correction": replace(PLAIN, bias_correction=True),
    "plain + MSE ranges": replace(PLAIN, range_method=RangeMethod.MSE),
    "plain + entropy ranges": replace(PLAIN, range_method=RangeMethod.ENTROPY),
    "plain + 99.99 % ranges": replace(PLAIN, range_method=RangeMethod.PERCENTILE),
    "plain + 99.9999 % ranges": replace(PLAIN, range_method=RangeMethod.PERCENTILE, percentile=99.9999),
    "plain + stem, head dynamic": replace(PLAIN, scheme=Scheme.MIXED),
    "plain + all linears dynamic": replace(PLAIN, scheme=Scheme.DYNAMIC),
    "default": DEFAULT,
    "default − equalization": replace(DEFAULT, equalize=False),
    "default − GPTQ rounding": replace(DEFAULT, weight_rounding=WeightRounding.NEAREST),
    "default − dynamic stem, head": replace(DEFAULT, scheme=Scheme.STATIC),
    "default + bias correction": replace(DEFAULT, bias_correction=True),
    "default + MSE ranges": replace(DEFAULT, range_method=RangeMethod.MSE),
    "default + linears dynamic": replace(DEFAULT, scheme=Scheme.DYNAMIC, dynamic_layers=("stem.*",)),
    "default, stem in float": replace(DEFAULT, float_layers=("stem.*",)),
}
BATCH = 16
WARM_UP, ROUNDS = 5, 100


@dataclass(frozen=True, kw_only=True)
class Row:
    """One recipe's result."""

    name: str
    sqnr_db: float
    agreement: float
    """Percent."""
    top1: float
    """Percent."""
    flips_lost: int
    flips_gained: int
    seconds: float
    """Of calibration and rounding."""


def ablate(
    checkpoint: Checkpoint,
    preprocessing: Preprocessing,
    calibration: ImageSet,
    evaluation: ImageSet,
    recipes: dict[str, Recipe],
    tell: Callable[[str], None],
) -> list[Row]:
    """One row for each recipe; the recipes are all evaluated in one pass over the images."""
    deploy = fuse(checkpoint.model)
    plans: dict[str, tuple[Plan, float]] = {}
    with CalibrationImages(calibration.images, preprocessing) as images:
        for name, recipe in recipes.items():
            tell(f"calibrating: {name}")
            start = time.perf_counter()
            plans[name] = make_plan(deploy, images, recipe, Stages()), time.perf_counter() - start
    simulated = {name: simulate(plan) for name, (plan, _) in plans.items()}
    labels = evaluation.labels or ()
    tell(f"evaluating on {len(evaluation)} images")
    with Decoder(evaluation.images, preprocessing) as decoder:
        labelled = (
            (torch.from_numpy(batch), [labels[index] for index in indices])
            for indices, batch in batches(decoder, BATCH)
        )
        noises = network_noise(FloatLogits(deploy), simulated, labelled)
    return [_row(name, noises[name], plans[name][1]) for name in recipes]


def _row(name: str, noise: LogitNoise, seconds: float) -> Row:
    comparison, counts = noise.comparison, noise.counts
    return Row(
        name=name,
        sqnr_db=round(comparison.sqnr_db or float("inf"), 2),
        agreement=round(100 * comparison.same / comparison.samples, 2),
        top1=round(100 * counts.top1 / counts.samples, 2),
        flips_lost=comparison.lost,
        flips_gained=comparison.gained,
        seconds=round(seconds, 1),
    )


def latencies(
    checkpoint: Checkpoint, preprocessing: Preprocessing, calibration: ImageSet, recipes: dict[str, Recipe]
) -> dict[str, dict[str, float]]:
    """Median and least milliseconds of one image, one thread, all files of a runtime in turn."""
    deploy = fuse(checkpoint.model)
    models: dict[tuple[str, Runtime], bytes] = {}
    with CalibrationImages(calibration.images, preprocessing) as images:
        for name, recipe in recipes.items():
            plan = make_plan(deploy, images, recipe, Stages())
            for each in export_all(deploy, plan, Stages(), recipe, preprocessing=preprocessing):
                label = {Precision.FP32: "fp32", Precision.INT8: name}.get(each.precision, f"{name}, {each.precision}")
                models[label, each.runtime] = each.model
        image = images.golden[:1]
    taken: dict[tuple[str, Runtime], list[float]] = {key: [] for key in models}
    for runtime in Runtime:
        runners = {key: open_runner(runtime, model) for key, model in models.items() if key[1] is runtime}
        for turn in range(WARM_UP + ROUNDS):
            for key, runner in runners.items():
                start = time.perf_counter()
                runner.run(image)
                if turn >= WARM_UP:
                    taken[key].append(1e3 * (time.perf_counter() - start))
    return {
        f"{name}{runtime.entry.suffix}": {"median_ms": float(np.median(values)), "min_ms": min(values)}
        for (name, runtime), values in taken.items()
    }


def main(
    checkpoint: Annotated[Path, typer.Option()],
    calibration: Annotated[Path, typer.Option()],
    evaluation: Annotated[Path, typer.Option()],
    model: Annotated[str | None, typer.Option()] = None,
    resize: Annotated[int | None, typer.Option()] = None,
    calibration_images: Annotated[int, typer.Option()] = 256,
    limit: Annotated[int | None, typer.Option(help="A class-balanced sample of at most this many images.")] = None,
    times: Annotated[bool, typer.Option("--times", help="Export plain INT8 and the default, and time them.")] = False,
    output: Annotated[Path | None, typer.Option(help="JSON of everything.")] = None,
) -> None:
    """Print the ablation table."""
    material = read_material(
        checkpoint,
        model,
        resize=resize,
        calibration=calibration,
        calibration_images=calibration_images,
        evaluation=evaluation,
        limit=limit,
    )
    trained, preprocessing = material.trained, material.preprocessing
    chosen, images = material.calibration, material.evaluation
    console, progress = Console(), Console(stderr=True)
    rows = ablate(trained, preprocessing, chosen, images, ROWS, progress.print)
    timed = latencies(trained, preprocessing, chosen, {"plain": PLAIN, "default": DEFAULT}) if times else {}
    host = describe_host()
    console.print(
        f"LeViT-{trained.config.name} of {checkpoint.name}, {len(images)} evaluation and {len(chosen)} calibration"
        f" images; simulated in torch; {host['processor']}, {host['architecture']}"
    )
    console.print(_table(rows))
    for file, figures in timed.items():
        console.print(f"{file}: median {figures['median_ms']:.2f} ms, least {figures['min_ms']:.2f} ms, one thread")
    if output is not None:
        document = {
            "checkpoint_sha256": trained.sha256,
            "evaluation_images": len(images),
            "calibration_images": len(chosen),
            "host": host,
            "versions": package_versions(("torch", "executorch", "onnxruntime", "levit-edge")),
            "rows": [asdict(row) for row in rows],
            "latency": timed,
        }
        output.write_text(json.dumps(document, indent=1), encoding="utf-8")


def _table(rows: Iterable[Row]) -> Table:
    table = Table(box=None, header_style="bold")
    for heading in ("recipe", "SQNR dB", "agree %", "top-1 %", "lost/gained", "s"):
        table.add_column(heading, justify="left" if heading == "recipe" else "right", no_wrap=True)
    for row in rows:
        table.add_row(*_cells(row))
    return table


def _cells(row: Row) -> Iterator[str]:
    yield row.name
    yield f"{row.sqnr_db:.1f}"
    yield f"{row.agreement:.2f}"
    yield f"{row.top1:.2f}"
    yield f"{row.flips_lost}/{row.flips_gained}"
    yield f"{row.seconds:.0f}"


if __name__ == "__main__":
    typer.run(main)
