"""levit-edge's INT8 beside other quantizers': the same folded network, calibration images and evaluation images.

    pip install -e '.[quantize,bench]'
    python -m benchmarks.accuracy --checkpoint my.pth --calibration train/ --evaluation val/ --output accuracy.json

A peer that is not installed, fails or runs out of memory is a row with the reason. Every file runs in its own runtime,
ExecuTorch or ONNX Runtime, and is compared with levit-edge's fp32 file in that runtime, image by image.
"""

import argparse
import hashlib
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from benchmarks.command import add_model_options, check_folders, check_model, command_line, conclude, positive
from benchmarks.document import circumstances
from benchmarks.isolation import Attempt, attempt
from benchmarks.ours import Ours, make_ours
from benchmarks.peers import nncf, onnxruntime, torchao
from benchmarks.results import TABLE_COLUMNS, Comparison, show
from benchmarks.rows import make_rows
from benchmarks.task import Peer, Task
from levit_edge import demo
from levit_edge.bundle.kinds import Precision, Runtime
from levit_edge.bundle.manifest import Artifact
from levit_edge.cli.terminal.console import show_warning
from levit_edge.cli.terminal.progress import TerminalListener
from levit_edge.data.classes import ModelClasses
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.options import ImageOptions
from levit_edge.errors import DataError
from levit_edge.model.download import resolve_checkpoint
from levit_edge.runtime.evaluation.verify import evaluate, evaluation_set
from levit_edge.system.progress import StageListener, Stages

__all__ = ["PEERS", "main", "run"]

PACKAGES = ("levit-edge", "torch", "torchao", "executorch", "nncf", "onnx", "onnxruntime", "numpy")
CAVEAT = (
    "Figures that compare quantizers, and say nothing about ImageNet: the stand-in is ten classes of Imagenette,"
    " trained for minutes; the demo is ten kinds of clothing."
)
PT2E = ("torch", "torchao", "executorch")


def _onnxruntime(name: str, method: str, operators: tuple[str, ...] = ()) -> Peer:
    build = partial(onnxruntime.build, method=method, operators=operators)
    return Peer(name=name, runtime=Runtime.ONNXRUNTIME, requires=("onnx", "onnxruntime", "sympy"), build=build)


PEERS = (
    Peer(name="torchao", runtime=Runtime.EXECUTORCH, requires=PT2E, build=torchao.build),
    Peer(name="nncf", runtime=Runtime.EXECUTORCH, requires=("nncf", *PT2E), build=nncf.build),
    _onnxruntime("ort minmax", "MinMax"),
    _onnxruntime("ort entropy", "Entropy"),
    _onnxruntime("ort percentile", "Percentile"),
    _onnxruntime("ort minmax, linear", "MinMax", onnxruntime.LINEAR_LAYERS),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; errors of the user become one message on stderr."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _options(arguments)
    return conclude(lambda: run(options, command_line("accuracy", arguments), PEERS), options.output, _show)


def _show(comparison: Comparison) -> None:
    show(comparison, Console(width=max(Console().width, TABLE_COLUMNS)))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=(__doc__ or "").split("\n")[0])
    add_model_options(parser, "the size; alone it stands for its published weights")
    parser.add_argument("--calibration", type=Path, metavar="DIR", help="images to calibrate on [demo: embedded]")
    parser.add_argument("--evaluation", type=Path, metavar="DIR", help="labelled images [demo: embedded]")
    parser.add_argument("--calibration-images", type=positive, default=256, metavar="N", help="how many [256]")
    parser.add_argument("--limit", type=positive, metavar="N", help="evaluate on a class-balanced sample of N images")
    parser.add_argument("--output", type=Path, metavar="JSON", help="where the figures go besides the table")
    options = parser.parse_args(arguments)
    check_model(parser, options)
    if options.model != "demo" and None in {options.calibration, options.evaluation}:
        parser.error("give --calibration and --evaluation: only --model demo has images of its own")
    check_folders(parser, {"--output": options.output})
    return options


def run(options: argparse.Namespace, command: str, peers: Sequence[Peer]) -> Comparison:
    """Make all files, then run them side by side over the evaluation images.

    Raises:
        LevitEdgeError: the checkpoint or the images are not usable, or levit-edge itself fails.
    """
    listener = TerminalListener()
    ours = make_ours(
        options.checkpoint,
        size=options.model,
        calibration=options.calibration,
        evaluation=options.evaluation,
        calibration_images=options.calibration_images,
        resize=options.resize,
        listener=listener,
        warn=show_warning,
    )
    manifest = ours.manifest
    images = _evaluation(options.evaluation, manifest.config.classes, options.limit)
    attempts = _attempts(peers, _task(options, ours), listener)
    models = ours.files | {_artifact(each): each.built.model for each in attempts if each.built}
    verification = evaluate(
        {artifact: partial(bytes, model) for artifact, model in models.items()},
        images,
        manifest.preprocessing,
        source=str(options.evaluation or "embedded"),
        stages=Stages(listener),
    )
    return Comparison(
        caveat=CAVEAT,
        command=command,
        **circumstances(PACKAGES),
        model=f"LeViT-{manifest.config.name}",
        classes=manifest.config.classes,
        checkpoint_sha256=manifest.checkpoint.sha256,
        calibration=manifest.calibration,
        evaluation=verification.images,
        rows=make_rows(ours, attempts, verification),
    )


def _evaluation(folder: Path | None, classes: int, limit: int | None) -> ImageSet:
    images = evaluation_set(folder or demo.evaluation_dir(), ModelClasses(outputs=classes), ImageOptions(limit=limit))
    if images.labels is None:
        raise DataError(f"{images.root} has images but no class folders, expected one folder for each class.")
    return images


def _task(options: argparse.Namespace, ours: Ours) -> Task:
    """The very images that levit-edge calibrated on, and its fp32 file."""
    manifest = ours.manifest
    root = options.calibration or demo.calibration_dir()
    fp32_onnx = next(
        model
        for artifact, model in ours.files.items()
        if (artifact.runtime, artifact.precision) == (Runtime.ONNXRUNTIME, Precision.FP32)
    )
    return Task(
        checkpoint=resolve_checkpoint(options.checkpoint, options.model),
        size=options.model,
        preprocessing=manifest.preprocessing,
        calibration=tuple(root / file for file in manifest.calibration.files),
        fp32_onnx=fp32_onnx,
    )


def _attempts(peers: Sequence[Peer], task: Task, listener: StageListener) -> list[Attempt]:
    attempts = []
    for peer in peers:
        with listener.stage(peer.name, None):
            attempts.append(attempt(peer, task))
    return attempts


def _artifact(tried: Attempt) -> Artifact:
    """How `evaluate` knows a peer's file: by the peer's name."""
    model = tried.built.model if tried.built else b""
    return Artifact(
        file=tried.peer.name,
        runtime=tried.peer.runtime,
        precision=Precision.INT8,
        size_bytes=len(model),
        sha256=hashlib.sha256(model).hexdigest(),
    )


if __name__ == "__main__":
    sys.exit(main())
