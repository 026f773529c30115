"""How long one image takes: levit-edge's files beside timm's and Transformers' LeViT in every CPU runtime, in turn.

    pip install -e '.[bench]'
    python -m benchmarks.latency --model 128S --checkpoint my.pth --calibration train/ --output latency.json

`--model demo` needs nothing else; any other size without `--checkpoint` gets random weights, which take as long as
trained ones. Every contender has a process of its own and runs only in its turn: A B C A B C …, batch 1. A peer that
is not installed or fails is a row with the reason. Exit status: 0 done; 2 wrong usage; 3 bad input; 130 interrupted.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks.command import check_folders, check_model, command_line, conclude, positive
from benchmarks.document import circumstances
from benchmarks.isolation import Isolated
from benchmarks.speed.building import build_all
from benchmarks.speed.catalogue import FILE_ENGINES, all_contenders, given_file
from benchmarks.speed.contender import IMAGES, Contender, Engine, Product
from benchmarks.speed.options import add_contest_options, chosen_contenders, wanted_from
from benchmarks.speed.prepare import Prepared, prepare
from benchmarks.speed.race import Entry, Schedule, race
from benchmarks.speed.results import Latencies, Row
from benchmarks.speed.rows import make_rows
from benchmarks.speed.table import TABLE_COLUMNS, show
from levit_edge.cli.terminal.progress import TerminalListener
from levit_edge.errors import DataError
from levit_edge.system.progress import StageListener

__all__ = ["CAVEAT", "PACKAGES", "main", "run"]

PACKAGES = (
    "levit-edge",
    "torch",
    "torchao",
    "executorch",
    "onnx",
    "onnxruntime",
    "timm",
    "transformers",
    "openvino",
    "nncf",
    "litert-torch",
    "ai-edge-quantizer",
    "ai-edge-litert",
    "ncnn",
    "pnnx",
    "MNN",
    "numpy",
)
CAVEAT = (
    "Times of this machine, which other work may have shared: compare the rows of one run, and look at the spread."
    " Agreement and SQNR only show that a file computes the network; weights other than the published ones are no"
    " ImageNet model."
)
WARM_UP = 2
PLOTS = (".svg", ".png")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; errors of the user become one message on stderr."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _options(arguments)

    def publish(latencies: Latencies) -> None:
        show(latencies, Console(width=max(Console().width, TABLE_COLUMNS)))
        if options.plot:
            from benchmarks.speed.plot import write_plot

            write_plot(latencies, options.plot)

    return conclude(lambda: run(options, command_line("latency", arguments)), options.output, publish)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=(__doc__ or "").split("\n")[0])
    add_contest_options(parser, calibration_images=32)
    parser.add_argument("--threads", type=_counts, default=(1, 2), metavar="N,…", help="one pass for each [1,2]")
    parser.add_argument("--rounds", type=positive, default=30, metavar="N", help="turns of each contender [30]")
    parser.add_argument("--runs", type=positive, default=10, metavar="N", help="timed runs in each turn [10]")
    parser.add_argument(
        "--file", action="append", default=[], type=_file, metavar="LABEL=PATH", help="a .pte, .onnx or .tflite more"
    )
    parser.add_argument("--plot", type=Path, metavar="SVG", help="a figure of the table, .svg or .png")
    options = parser.parse_args(arguments)
    check_model(parser, options)
    check_folders(parser, {"--output": options.output, "--plot": options.plot})
    if options.plot and options.plot.suffix not in PLOTS:
        parser.error(f"--plot: {options.plot.name} ends in none of {', '.join(PLOTS)}")
    options.contenders = _chosen(parser, options.only, options.file)
    return options


def _counts(text: str) -> tuple[int, ...]:
    return tuple(sorted({positive(each) for each in text.split(",")}))


def _file(text: str) -> tuple[str, Path]:
    label, equals, path = text.partition("=")
    if not (label and equals and Path(path).suffix.lower() in FILE_ENGINES):
        raise argparse.ArgumentTypeError(f"{text} is not LABEL=PATH with a path that ends in {', '.join(FILE_ENGINES)}")
    return label, Path(path)


def _chosen(
    parser: argparse.ArgumentParser, patterns: list[str] | None, files: list[tuple[str, Path]]
) -> tuple[Contender, ...]:
    """Those that fit a pattern, and all files that were given."""
    chosen = chosen_contenders(parser, all_contenders(), patterns, others=bool(files))
    chosen += [given_file(label, path) for label, path in files]
    twice = {each.key for each in chosen if [other.key for other in chosen].count(each.key) > 1}
    if twice:
        parser.error(f"--file: there is already a {', '.join(sorted(twice))}; choose another label")
    return tuple(sorted(chosen, key=lambda each: list(Engine).index(each.engine)))


def run(options: argparse.Namespace, command: str) -> Latencies:
    """Build everybody's file, then race them, once for each number of threads.

    Raises:
        LevitEdgeError: the checkpoint, the images or a given file are not usable.
    """
    load_average, listener = os.getloadavg()[0], TerminalListener()
    for _, path in options.file:
        if not path.is_file():
            raise DataError(f"There is no file {path}, expected one to race.")
    with TemporaryDirectory() as folder:
        prepared = _prepared(options, Path(folder), listener)
        rows = _measure(options, prepared, listener)
    return Latencies(
        caveat=CAVEAT,
        command=command,
        **circumstances(PACKAGES),
        model=prepared.model,
        classes=prepared.classes,
        weights=prepared.weights,
        checkpoint_sha256=prepared.checkpoint_sha256,
        calibration=prepared.calibration,
        checked_images=len(prepared.logits),
        rounds=options.rounds,
        runs=options.runs,
        warm_up=WARM_UP,
        load_average=round(load_average, 2),
        rows=tuple(rows),
    )


def _prepared(options: argparse.Namespace, folder: Path, listener: StageListener) -> Prepared:
    with listener.stage("prepare", None), Isolated() as process:
        return process.call(prepare, wanted_from(options), folder)


def _measure(options: argparse.Namespace, prepared: Prepared, listener: StageListener) -> list[Row]:
    built = build_all(options.contenders, prepared.workshop, listener)
    entries = {
        each.key: Entry(engine=each.engine, file=product.file)
        for each in options.contenders
        if isinstance(product := built[each.key], Product)
    }
    rows = []
    for threads in options.threads:
        schedule = Schedule(threads=threads, rounds=options.rounds, runs=options.runs, warm_up=WARM_UP)
        finishes = race(entries, prepared.workshop.folder / IMAGES, schedule, listener)
        rows += make_rows(options.contenders, built, finishes, prepared.logits, threads)
    return rows


if __name__ == "__main__":
    sys.exit(main())
