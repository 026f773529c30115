"""levit-edge's INT8 beside other quantizers': the same folded network, calibration images and evaluation images.

    pip install -e '.[quantize,bench]'
    python -m benchmarks.accuracy --checkpoint my.pth --calibration train/ --evaluation val/ --output accuracy.json

A peer that is not installed, fails or runs out of memory is a row with the reason. Every file runs in its own runtime,
ExecuTorch, ONNX Runtime or LiteRT, and is compared with the folded network in float32 there, image by image.

With --output each row is written as soon as it is known, and the same command goes on with the rows that have no
figures yet; `--only ours` takes those of levit-edge anew and leaves the others as they are. `python -m
benchmarks.accuracy_table FILE…` prints as Markdown what was written. Exit status: 0 done; 2 wrong usage; 3 bad input;
130 interrupted.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmarks.command import (
    add_model_options,
    check_folders,
    check_model,
    command_line,
    conclude,
    positive,
    write_document,
)
from benchmarks.document import circumstances
from benchmarks.quantizers import PEERS
from benchmarks.results import TABLE_COLUMNS, Comparison, Row, show
from benchmarks.rows import measured
from benchmarks.task import Peer, Task
from levit_edge import demo
from levit_edge.bundle.manifest import EMBEDDED, ImageProvenance
from levit_edge.bundle.recipe import Recipe
from levit_edge.cli.terminal.progress import TerminalListener
from levit_edge.data.classes import ModelClasses
from levit_edge.data.image_set import calibration_images
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.options import ImageOptions, PreprocessingChanges
from levit_edge.data.preprocess import Preprocessing
from levit_edge.data.sampling import balanced_sample
from levit_edge.documents import from_json, read_json
from levit_edge.errors import DataError
from levit_edge.model.checkpoint import Checkpoint, read_checkpoint
from levit_edge.model.download import resolve_checkpoint
from levit_edge.runtime.evaluation.verify import evaluation_set

__all__ = ["main", "run"]

PACKAGES = ("levit-edge", "torch", "executorch", "onnxruntime", "numpy")
CAVEAT = (
    "Figures that compare quantizers, and say nothing about ImageNet: the stand-ins are ten classes of Imagenette,"
    " trained for minutes; the demo is ten kinds of clothing."
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; errors of the user become one message on stderr."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _options(arguments)
    command = command_line("accuracy", arguments)
    kept = f"{options.output} has the rows that were finished" if options.output else "nothing was written"
    return conclude(lambda: run(options, command, PEERS), options.output, _show, interrupted=kept)


def _show(comparison: Comparison) -> None:
    show(comparison, Console(width=max(Console().width, TABLE_COLUMNS)))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=(__doc__ or "").split("\n")[0])
    add_model_options(parser, "the size; alone it stands for its published weights")
    parser.add_argument("--calibration", type=Path, metavar="DIR", help="images to calibrate on [demo: embedded]")
    parser.add_argument("--evaluation", type=Path, metavar="DIR", help="labelled images [demo: embedded]")
    parser.add_argument("--calibration-images", type=positive, default=256, metavar="N", help="how many [256]")
    parser.add_argument("--limit", type=positive, metavar="N", help="evaluate on a class-balanced sample of N images")
    parser.add_argument("--only", action="append", metavar="GLOB", help="rows: ours, 'onnxruntime/*', 'torchao'")
    parser.add_argument("--output", type=Path, metavar="JSON", help="where the figures go besides the table")
    options = parser.parse_args(arguments)
    check_model(parser, options)
    if options.model != "demo" and None in {options.calibration, options.evaluation}:
        parser.error("give --calibration and --evaluation: only --model demo has images of its own")
    if options.only and not chosen(PEERS, options.only):
        parser.error(f"--only: no row fits; there are {', '.join(each.key for each in PEERS)}")
    check_folders(parser, {"--output": options.output})
    return options


def chosen(peers: Iterable[Peer], globs: Iterable[str]) -> list[Peer]:
    """Those of which the key, the name, or the name's first word fits."""
    patterns = tuple(globs)

    def fits(peer: Peer) -> bool:
        known = peer.key, peer.name, peer.name.split()[0]
        return any(fnmatchcase(each, pattern) for each in known for pattern in patterns)

    return [each for each in peers if fits(each)]


def run(options: argparse.Namespace, command: str, peers: Sequence[Peer]) -> Comparison:
    """Take the rows that are asked for, one after the other, and put each beside those that are known.

    Raises:
        LevitEdgeError: the checkpoint or the images are not usable, or the output has figures of others.
    """
    listener = TerminalListener()
    with TemporaryDirectory() as folder:
        with listener.stage("prepare", None):
            task, images, begun = prepared(options, command, Path(folder))
        comparison = _known(options.output, begun)
        for peer in _wanted(peers, options.only, comparison.rows):
            with listener.stage(peer.key, None):
                comparison = _with(comparison, measured(peer, task, images, command), peers)
            if options.output:
                write_document(comparison, options.output)
    return comparison


def prepared(options: argparse.Namespace, command: str, folder: Path) -> tuple[Task, ImageSet, Comparison]:
    """What all rows start from, the images to evaluate on, and a comparison without rows."""
    checkpoint = resolve_checkpoint(options.checkpoint, options.model)
    trained = read_checkpoint(checkpoint, options.model)
    task = Task(
        folder=folder,
        checkpoint=checkpoint,
        size=options.model,
        resize=options.resize,
        preprocessing=Preprocessing.from_config(trained.config, PreprocessingChanges(resize=options.resize)),
        calibration=_calibration(options),
        calibration_folder=options.calibration,
        evaluation_folder=options.evaluation,
    )
    images = evaluation_set(
        options.evaluation or demo.evaluation_dir(),
        ModelClasses.of(trained.config.classes, trained.labels, None),
        ImageOptions(limit=options.limit),
    )
    if images.labels is None:
        raise DataError(f"{images.root} has images but no class folders, expected one folder for each class.")
    return task, images, _begun(trained, task, images, command)


def _calibration(options: argparse.Namespace) -> ImageProvenance:
    """Those that `levit-edge quantize` takes."""
    images = calibration_images(options.calibration or demo.calibration_dir())
    sample = balanced_sample(images, min(options.calibration_images, len(images)), Recipe().seed)
    return ImageProvenance.of(str(options.calibration or EMBEDDED), sample, (), list_files=True)


def _begun(trained: Checkpoint, task: Task, images: ImageSet, command: str) -> Comparison:
    return Comparison(
        caveat=CAVEAT,
        command=command,
        **circumstances(PACKAGES),
        model=f"LeViT-{trained.config.name}",
        classes=trained.config.classes,
        checkpoint_sha256=trained.sha256,
        preprocessing=task.preprocessing,
        calibration=replace(task.calibration, files=()),
        evaluation=ImageProvenance.of(str(task.evaluation_folder or EMBEDDED), images, ()),
        rows=(),
    )


def _known(output: Path | None, begun: Comparison) -> Comparison:
    """`begun` with the rows that the output has already."""
    if output is None or not output.exists():
        return begun
    found = from_json(Comparison, read_json(output, DataError, str(output)), DataError, str(output))
    if differs := begun.unlike(found):
        raise DataError(f"{output} has figures with other {', '.join(differs)}: give another file, or remove it.")
    return replace(begun, rows=found.rows)


def _wanted(peers: Sequence[Peer], only: Sequence[str] | None, rows: Sequence[Row]) -> list[Peer]:
    """What is asked for by name, else what has no figures yet."""
    if only:
        return chosen(peers, only)
    done = {each.key for each in rows if each.measured}
    return [each for each in peers if each.key not in done]


def _with(comparison: Comparison, row: Row, peers: Sequence[Peer]) -> Comparison:
    """The rows in the order of `peers`; those of none of them are left out."""
    rows = {each.key: each for each in (*comparison.rows, row)}
    return replace(comparison, rows=tuple(rows[each.key] for each in peers if each.key in rows))


if __name__ == "__main__":
    sys.exit(main())
