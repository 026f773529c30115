"""What the tasks of a sweep took: `python -m benchmarks.scaling.costs SWEEP`, of a finished one in a local folder."""

import json
import shlex
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.document import Document, circumstances, show_context
from levit_edge.documents import to_json
from levit_edge.errors import SweepError

__all__ = ["Costs", "Metrics", "costs"]

PACKAGES = ("levit-edge", "torch", "executorch", "onnxruntime", "onnx", "numpy", "pillow")
CAVEAT = "Seconds of this machine, each task with one thread beside as many others as there were workers."


@dataclass(frozen=True, kw_only=True)
class Costs:
    """Seconds of the tasks of a sweep, each median over its tasks; those of one kind differ in little."""

    index_image_s: float
    """Reading an image and its SHA-256."""
    identify_s: float
    export_s: float
    calibrate_s: float
    quantize_s: float
    evaluate_image_s: float
    """Decoding an image and running all files of a checkpoint, once loaded."""
    evaluate_load_s: float
    """More that the slowest evaluation took: importing runtimes and loading files, once in a worker."""
    files: int
    """That each image goes through."""
    file_bytes: int
    """Of all of these together."""


@dataclass(frozen=True, kw_only=True)
class Metrics(Document):
    """All that the JSON file holds."""

    sweep: str
    tasks: dict[str, int]
    """Kind -> tasks that the figures are of."""
    costs: Costs


def costs(sweep: Path) -> tuple[Costs, dict[str, int]]:
    """What the store of a sweep says of its tasks, and how many of each kind there were.

    Raises:
        SweepError: it is not the folder of one that is complete.
    """
    seconds: defaultdict[str, dict[str, float]] = defaultdict(dict)
    images: dict[str, int] = {}
    sizes: dict[str, int] = {}
    for document in _results(sweep):
        kind, inputs, result = document["kind"], document["inputs"], document["result"]
        task = json.dumps(inputs["images"] if kind == "evaluate" else inputs)
        seconds[kind][task] = result["seconds"]
        if kind == "index":
            images[task] = result["value"]["images"]
        elif kind == "evaluate":
            images[task] = result["value"]["tally"]["images"]
            sizes[inputs["artifact"]] = (
                (sweep / "store/blobs" / inputs["artifact"][:2] / inputs["artifact"]).stat().st_size
            )
    missing = {"index", "identify", "export", "calibrate", "quantize", "evaluate"} - seconds.keys()
    if missing:
        raise SweepError(f"{sweep} has no results of {', '.join(sorted(missing))}: expected a finished sweep's folder.")

    def median(kind: str) -> float:
        return statistics.median(seconds[kind].values())

    def per_image(kind: str) -> list[float]:
        return [taken / images[task] for task, taken in seconds[kind].items()]

    each = statistics.median(per_image("evaluate"))
    slowest = max(seconds["evaluate"].items(), key=lambda item: item[1])
    return (
        Costs(
            index_image_s=statistics.median(per_image("index")),
            identify_s=median("identify"),
            export_s=median("export"),
            calibrate_s=median("calibrate"),
            quantize_s=median("quantize"),
            evaluate_image_s=each,
            evaluate_load_s=max(0.0, slowest[1] - each * images[slowest[0]]),
            files=len(sizes),
            file_bytes=sum(sizes.values()),
        ),
        {kind: len(tasks) for kind, tasks in seconds.items()},
    )


def _results(sweep: Path) -> Iterator[dict[str, Any]]:
    for path in sorted((sweep / "store" / "results").glob("*/*")):
        yield json.loads(path.read_bytes())


def show(figures: Metrics, console: Console) -> None:
    """Print the figures and what they are of."""
    show_context(figures, f"the tasks of {figures.sweep}", console)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "tasks", "seconds"):
        table.add_column(heading, justify="right" if heading else "left")
    for what, kind, value in (
        ("index, an image", "index", figures.costs.index_image_s),
        ("identify, a checkpoint", "identify", figures.costs.identify_s),
        ("export, a checkpoint", "export", figures.costs.export_s),
        ("calibrate, a checkpoint", "calibrate", figures.costs.calibrate_s),
        ("quantize, a recipe", "quantize", figures.costs.quantize_s),
        (f"evaluate, an image through {figures.costs.files} files", "evaluate", figures.costs.evaluate_image_s),
        ("evaluate, loading", "evaluate", figures.costs.evaluate_load_s),
    ):
        table.add_row(what, str(figures.tasks[kind]), f"{value:.4f}" if value < 0.1 else f"{value:.2f}")
    console.print(table)


def command(
    sweep: Annotated[Path, typer.Argument(help="The folder of a finished sweep whose store was empty before.")],
    output: Annotated[Path | None, typer.Option(metavar="JSON", help="Where the figures go besides the table.")] = None,
) -> None:
    """What the tasks of a sweep took."""
    found, tasks = costs(sweep)
    figures = Metrics(
        caveat=CAVEAT,
        command=shlex.join(["python", "-m", "benchmarks.scaling.costs", *sys.argv[1:]]),
        **circumstances(PACKAGES),
        sweep=sweep.name,
        tasks=tasks,
        costs=found,
    )
    if output:
        output.write_text(json.dumps(to_json(figures), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    show(figures, Console())


if __name__ == "__main__":
    typer.run(command)
