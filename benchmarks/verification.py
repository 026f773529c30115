"""`levit-edge verify` beside its runtimes alone: `python -m benchmarks.verification BUNDLE --evaluation DIR`.

Bare: each process runs the bundle's files on images that it has decoded beforehand, one thread, and does nothing else;
loading is not counted. Verification: `evaluate` with as many processes, counted from before its first process is
started to its last figure. Both take their turn in every round, so that what else the machine does meets both.
"""

import json
import multiprocessing
import os
import resource
import shlex
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.document import Document, circumstances
from levit_edge.bundle.reader import Bundle
from levit_edge.cli.terminal.console import show_error
from levit_edge.data.classes import ModelClasses
from levit_edge.data.imagefolder import ImageSet
from levit_edge.data.locations import Location
from levit_edge.data.options import ImageOptions
from levit_edge.data.preprocess import Preprocessing, read_input
from levit_edge.documents import to_json
from levit_edge.errors import DataError, ExitStatus, LevitEdgeError
from levit_edge.runtime.evaluation.evaluator import THREADS, Model
from levit_edge.runtime.evaluation.verify import evaluate, evaluation_set
from levit_edge.runtime.runner import open_runner
from levit_edge.system.progress import Advance, Stages

__all__ = ["Metrics", "Round", "bare", "compare", "verified"]

PACKAGES = ("levit-edge", "executorch", "onnxruntime", "numpy", "pillow")
CAVEAT = "Images per second of this machine, which other work may have shared: compare the two ways of one round."
HELD = 64
"""Decoded images that a bare process goes through again and again: 37 MiB at 224 pixels, more than caches hold."""
WARM_UP = 3
HEADINGS = ("round", "bare img/s", "verify img/s", "ratio", "running img/s", "bare CPU ms/img", "verify CPU ms/img")


@dataclass(frozen=True, kw_only=True)
class Throughput:
    """One way of running all files on all images, once."""

    images_per_second: float
    """Images that have been through every file, from the first process's start to the last one's end."""
    cpu_ms_per_image: float
    """Processor time of all processes; on a machine that does other work too, it varies less than the clock."""


@dataclass(frozen=True, kw_only=True)
class Round:
    """Both ways, one after the other."""

    bare: Throughput
    verification: Throughput
    """Starting processes, importing the runtimes and loading the files included."""
    running_images_per_second: float
    """Verification from its first image's figures to its last one's: what long runs come to."""

    @property
    def ratio(self) -> float:
        """Verification's images per second over the bare runtimes'."""
        return self.verification.images_per_second / self.bare.images_per_second


@dataclass(frozen=True, kw_only=True)
class Metrics(Document):
    """All that the JSON file holds."""

    files: tuple[str, ...]
    images: int
    processes: int
    rounds: tuple[Round, ...]
    median_ratio: float


def compare(bundle: Bundle, images: ImageSet, *, processes: int, rounds: int, command: str) -> Metrics:
    """Measure both ways `rounds` times, in turn."""
    artifacts = bundle.manifest.artifacts
    models = [
        Model(
            file=each.file,
            runtime=each.runtime,
            read=partial(bundle.read, each.file),
            classes=bundle.manifest.config.classes,
        )
        for each in artifacts
    ]
    measured = []
    for _ in range(rounds):
        alone = bare(models, images.images, bundle.manifest.preprocessing, processes)
        throughput, running = verified(bundle, images, processes)
        measured.append(Round(bare=alone, verification=throughput, running_images_per_second=running))
    return Metrics(
        command=command,
        caveat=CAVEAT,
        **circumstances(PACKAGES),
        files=tuple(artifact.file for artifact in artifacts),
        images=len(images),
        processes=processes,
        rounds=tuple(measured),
        median_ratio=statistics.median(each.ratio for each in measured),
    )


def bare(
    models: Sequence[Model], images: Sequence[Location], preprocessing: Preprocessing, processes: int
) -> Throughput:
    """The models alone, in `processes` processes that begin together."""
    context = multiprocessing.get_context("spawn")
    together, taken = context.Barrier(processes), context.Value("q", 0)
    receivers, running = [], []
    for number in range(processes):
        receiver, sender = context.Pipe(duplex=False)
        held = images[number::processes][:HELD]
        arguments = (models, held, preprocessing, len(images), taken, together, sender)
        running.append(context.Process(target=_run_share, args=arguments))
        receivers.append(receiver)
    for process in running:
        process.start()
    try:
        results: list[tuple[float, float, float]] = [_received(receiver, running) for receiver in receivers]
    finally:
        for process in running:
            process.kill()
            process.join()
    seconds = max(end for _, end, _ in results) - min(start for start, _, _ in results)
    cpu_seconds = sum(cpu for _, _, cpu in results)
    return Throughput(images_per_second=len(images) / seconds, cpu_ms_per_image=1000 * cpu_seconds / len(images))


def _received(receiver: Connection, running: Sequence[BaseProcess]) -> tuple[float, float, float]:
    try:
        while not receiver.poll(1.0):
            if any(process.exitcode for process in running):  # 0 and None are well
                raise EOFError  # the others wait for it
        start, end, cpu = receiver.recv()
    except EOFError as error:
        raise DataError("a process of the bare runtimes died: see its message above, or it lacked memory.") from error
    return start, end, cpu


def _run_share(
    models: Sequence[Model],
    held: Sequence[Path],
    preprocessing: Preprocessing,
    images: int,
    taken: "Synchronized[int]",
    together: Barrier,
    sender: Connection,
) -> None:
    """Run some of so many `images`, as long as there are any left to take; send start, end and CPU seconds."""
    os.setsid()  # as the processes of a verification do: Linux may share processors out by session
    values = [read_input(image, preprocessing)[np.newaxis] for image in held]
    runners = [open_runner(model.runtime, model.read(), THREADS) for model in models]
    for _ in range(WARM_UP):
        for runner in runners:
            runner.run(values[0])
    together.wait()
    start, cpu = time.monotonic(), time.process_time()
    while (index := _take(taken)) < images:
        for runner in runners:
            runner.run(values[index % len(values)])
    sender.send((start, time.monotonic(), time.process_time() - cpu))


def _take(taken: "Synchronized[int]") -> int:
    with taken.get_lock():
        taken.value += 1
        return taken.value - 1


class _Clock:
    """A listener that keeps when it first and last heard of an image."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, int]] = []

    @contextmanager
    def stage(self, name: str, total: int | None) -> Iterator[Advance]:  # noqa: ARG002
        """Note the time of each advance."""
        yield lambda count: self.heard.append((time.monotonic(), count))


def verified(bundle: Bundle, images: ImageSet, processes: int) -> tuple[Throughput, float]:
    """Verification as it comes, and its images per second without what comes before the first one."""
    clock = _Clock()
    models = {artifact: partial(bundle.read, artifact.file) for artifact in bundle.manifest.artifacts}
    start, cpu = time.monotonic(), _cpu_seconds()
    evaluate(
        models,
        images,
        bundle.manifest.preprocessing,
        source="the evaluation images",
        stages=Stages(clock),
        options=ImageOptions(workers=processes),
    )
    seconds, cpu_seconds = time.monotonic() - start, _cpu_seconds() - cpu
    (first, begun), (last, _) = clock.heard[0], clock.heard[-1]
    running = (len(images) - begun) / max(last - first, 1e-9)
    return (
        Throughput(images_per_second=len(images) / seconds, cpu_ms_per_image=1000 * cpu_seconds / len(images)),
        running,
    )


def _cpu_seconds() -> float:
    """Of this process and those of its children that have ended."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def show(figures: Metrics, console: Console) -> None:
    """Print the figures and what they are of."""
    host = figures.host
    console.print(f"{figures.images} images through {', '.join(figures.files)}; {figures.processes} processes")
    console.print(
        f"{host['processor']}, {host['architecture']}, {host['cores']} cores; $ {figures.command}", markup=False
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in HEADINGS:
        table.add_column(heading, justify="right")
    for number, each in enumerate(figures.rounds, 1):
        table.add_row(
            str(number),
            f"{each.bare.images_per_second:.1f}",
            f"{each.verification.images_per_second:.1f}",
            f"{each.ratio:.2f}",
            f"{each.running_images_per_second:.1f}",
            f"{each.bare.cpu_ms_per_image:.1f}",
            f"{each.verification.cpu_ms_per_image:.1f}",
        )
    console.print(table)
    console.print(f"median ratio {figures.median_ratio:.2f}")


def command(
    bundle: Annotated[Path, typer.Argument(help="A folder made by `levit-edge quantize`.")],
    evaluation: Annotated[Path, typer.Option(metavar="DIR", help="Images to run on.")],
    limit: Annotated[int | None, typer.Option(min=2, help="A class-balanced sample of at most N images.")] = None,
    processes: Annotated[int, typer.Option(min=1, help="Processes of each way.")] = 2,
    rounds: Annotated[int, typer.Option(min=1, help="How often each way has its turn.")] = 3,
    output: Annotated[Path | None, typer.Option(metavar="JSON", help="Where the figures go besides the table.")] = None,
) -> None:
    """Verification's images per second beside those of its runtimes alone."""
    try:
        opened = Bundle.open(bundle)
        images = evaluation_set(
            evaluation,
            ModelClasses.of(opened.manifest.config.classes, opened.labels(), None),
            ImageOptions(limit=limit),
        )
        if len(images) < processes:
            raise DataError(f"{evaluation} has {len(images)} images for {processes} processes: give more images.")
        line = shlex.join(["python", "-m", "benchmarks.verification", *sys.argv[1:]])
        figures = compare(opened, images, processes=processes, rounds=rounds, command=line)
        if output:
            output.write_text(json.dumps(to_json(figures), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    except LevitEdgeError as error:
        show_error(str(error))
        raise typer.Exit(ExitStatus.BAD_INPUT) from error
    show(figures, Console())


if __name__ == "__main__":
    typer.run(command)
