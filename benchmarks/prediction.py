"""`levit-edge predict` beside its runtime alone: `python -m benchmarks.prediction BUNDLE --images DIR`.

Bare: one process runs the file, one thread, on images that it has decoded beforehand, and does nothing else; loading is
not counted. Prediction: the whole command, from its start to its end, with its results in a file. Processor seconds and
not the clock: a machine that does other work stretches the clock. On a quiet machine a command takes as long as its
processes' work divided by its cores, if that is spread evenly, and `attainable` is what that comes to beside a bare
runtime that has a core for itself. Both take their turn in every round.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from benchmarks.command import check_folders, command_line, conclude, positive
from benchmarks.document import Document, circumstances, show_context
from levit_edge.bundle.kinds import Precision
from levit_edge.bundle.reader import Bundle
from levit_edge.data.locations import Location
from levit_edge.data.photographs import find_photographs
from levit_edge.data.preprocess import read_input
from levit_edge.runtime.evaluation.evaluator import THREADS
from levit_edge.runtime.runner import open_runner
from levit_edge.text import counted

__all__ = ["Prediction", "Round", "main"]

PACKAGES = ("levit-edge", "executorch", "onnxruntime", "numpy", "pillow")
CAVEAT = "Processor seconds of one machine, which other work shared: compare the two of one round."
HELD = 64
"""Decoded images that the bare runtime goes through again and again: 37 MiB at 224 pixels, more than caches hold."""
WARM_UP = 3
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True)
class Round:
    """Both ways, one after the other: processor milliseconds for one image."""

    bare_ms: float
    predict_ms: float
    """Of all processes of the command: its start, imports, loading and decoding are in it."""

    def attainable(self, cores: int) -> float:
        """The command's images per second on so many quiet cores over the bare runtime's on one of them."""
        return cores * self.bare_ms / self.predict_ms


@dataclass(frozen=True, kw_only=True)
class Prediction(Document):
    """All that the JSON file holds."""

    file: str
    images: int
    processes: int
    rounds: tuple[Round, ...]
    attainable: float
    """Median over the rounds, with as many cores as processes."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; errors of the user become one message on stderr."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog="python -m benchmarks.prediction", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="made by `levit-edge quantize`")
    parser.add_argument("--images", type=Path, required=True, metavar="DIR", help="photographs to classify")
    parser.add_argument("--limit", type=positive, default=1000, metavar="N", help="how many of them [1000]")
    parser.add_argument("--processes", type=positive, default=2, metavar="N", help="that share them [2]")
    parser.add_argument("--rounds", type=positive, default=3, metavar="N", help="how often each has its turn [3]")
    parser.add_argument("--output", type=Path, metavar="JSON", help="where the results go besides the table")
    options = parser.parse_args(arguments)
    check_folders(parser, {"--output": options.output})
    command = command_line("prediction", arguments)
    return conclude(lambda: _measure(options, command), options.output, lambda found: _show(found, Console()))


def _measure(options: argparse.Namespace, command: str) -> Prediction:
    bundle, images = Bundle.open(options.bundle), find_photographs([str(options.images)]).images[: options.limit]
    artifact = bundle.artifact(None, Precision.INT8)
    rounds = tuple(
        Round(bare_ms=_bare_ms(bundle, images), predict_ms=_predict_ms(bundle, images, options.processes))
        for _ in range(options.rounds)
    )
    return Prediction(
        command=command,
        caveat=CAVEAT,
        **circumstances(PACKAGES),
        file=artifact.file,
        images=len(images),
        processes=options.processes,
        rounds=rounds,
        attainable=statistics.median(each.attainable(options.processes) for each in rounds),
    )


def _bare_ms(bundle: Bundle, images: Sequence[Location]) -> float:
    artifact = bundle.artifact(None, Precision.INT8)
    values = [read_input(image, bundle.manifest.preprocessing)[None] for image in images[:HELD]]
    runner = open_runner(artifact.runtime, bundle.read(artifact.file), THREADS)
    for _ in range(WARM_UP):
        runner.run(values[0])
    start = time.process_time()
    for index in range(len(images)):
        runner.run(values[index % len(values)])
    return 1000 * (time.process_time() - start) / len(images)


def _predict_ms(bundle: Bundle, images: Sequence[Location], processes: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "list").write_text("".join(f"{Path(str(image)).absolute()}\n" for image in images))
        words = ("--from-file", f"{folder}/list", "--output", f"{folder}/all.csv", "--workers", str(processes))
        before = _cpu_seconds_of_children()
        subprocess.run(
            [sys.executable, "-m", "levit_edge.cli.main", "predict", bundle.path.absolute(), *words],
            check=True, cwd=ROOT, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        return 1000 * (_cpu_seconds_of_children() - before) / len(images)


def _cpu_seconds_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _show(found: Prediction, console: Console) -> None:
    many = f"{counted(found.images, 'image')} through {found.file}; {counted(found.processes, 'process')}"
    what = f"{many}; processor ms for one image"
    show_context(found, what, console)
    for number, each in enumerate(found.rounds, 1):
        console.print(
            f"round {number}: bare {each.bare_ms:.2f}, predict {each.predict_ms:.2f},"
            f" attainable {each.attainable(found.processes):.2f} of the bare rate"
        )
    console.print(f"median attainable {found.attainable:.2f}")


if __name__ == "__main__":
    sys.exit(main())
