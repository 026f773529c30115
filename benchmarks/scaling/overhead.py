"""What a sweep's task costs that does nothing: `python -m benchmarks.scaling.overhead --tasks 1000`.

A task goes from the runner to a worker, its result into the store, and its answer back, as in any sweep. A thousand at
once say how many a second there can be; one after the other, what a single one waits.
"""

import asyncio
import json
import shlex
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.document import Document, circumstances, show_context
from levit_edge.documents import to_json
from levit_edge.sweep.engines.environment import environment
from levit_edge.sweep.sweep import LOCAL, open_engine
from levit_edge.sweep.tasks.call import Call, Nothing
from levit_edge.sweep.tasks.result import Listener
from levit_edge.sweep.tasks.runner import Runner, run_to_end
from levit_edge.sweep.tasks.store import Store

__all__ = ["Metrics", "Overhead", "measure"]

PACKAGES = ("levit-edge", "ray", "fsspec")
CAVEAT = "Seconds of this machine, on which driver and workers share the cores: a cluster's driver has its own."
SINGLE = 50
"""Tasks that are waited for one by one."""
WARM_UP = 20


@dataclass(frozen=True, kw_only=True)
class Overhead:
    """One engine."""

    engine: str
    """In its own words."""
    start_s: float
    """From nothing to the end of the first tasks: the engine, its workers, their imports."""
    tasks: int
    tasks_per_second: float
    """All at once."""
    driver_cpu_ms: float
    """Processor time of the driving process for each of them."""
    single_ms: float
    """Median time of a task that is alone."""
    again_ms: float
    """For each task of a second run, which finds all results in the store."""


@dataclass(frozen=True, kw_only=True)
class Metrics(Document):
    """All that the JSON file holds."""

    engines: tuple[Overhead, ...]


def measure(engine: str, tasks: int, workers: int | None) -> Overhead:
    """Run `tasks` that do nothing on one engine, into a store of its own."""
    with tempfile.TemporaryDirectory(prefix="levit-edge-") as folder:
        store, here = Store(folder), environment()
        start = time.monotonic()
        with open_engine(engine, store, here, workers) as opened:
            runner = Runner(store, opened, here, Listener(), retries=0)
            run_to_end(_all_at_once(runner, range(WARM_UP)))
            started = time.monotonic() - start
            single = run_to_end(_one_by_one(runner, range(WARM_UP, WARM_UP + SINGLE)))
            numbers = range(WARM_UP + SINGLE, WARM_UP + SINGLE + tasks)
            begun, cpu = time.monotonic(), time.process_time()
            run_to_end(_all_at_once(runner, numbers))
            seconds, cpu_seconds = time.monotonic() - begun, time.process_time() - cpu
            begun = time.monotonic()
            run_to_end(_all_at_once(Runner(store, opened, here, Listener(), retries=0), numbers))
            again = time.monotonic() - begun
            description = opened.description
    return Overhead(
        engine=description,
        start_s=started,
        tasks=tasks,
        tasks_per_second=tasks / seconds,
        driver_cpu_ms=1000 * cpu_seconds / tasks,
        single_ms=1000 * statistics.median(single),
        again_ms=1000 * again / tasks,
    )


async def _all_at_once(runner: Runner, numbers: range) -> None:
    await asyncio.gather(*(runner.result(_nothing(number)) for number in numbers))


async def _one_by_one(runner: Runner, numbers: range) -> list[float]:
    seconds = []
    for number in numbers:
        start = time.monotonic()
        await runner.result(_nothing(number))
        seconds.append(time.monotonic() - start)
    return seconds


def _nothing(number: int) -> Call:
    return Call(task=Nothing(number=number), subject=str(number), memory_bytes=256 << 20)


def show(figures: Metrics, console: Console) -> None:
    """Print the figures and what they are of."""
    show_context(figures, f"{figures.engines[0].tasks} tasks that do nothing", console)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("engine", "start s", "tasks/s", "driver CPU ms", "alone ms", "from store ms"):
        table.add_column(heading, justify="left" if heading == "engine" else "right")
    for each in figures.engines:
        numbers = (each.start_s, each.tasks_per_second, each.driver_cpu_ms, each.single_ms, each.again_ms)
        table.add_row(each.engine, *(f"{number:.1f}" for number in numbers))
    console.print(table)


def command(
    engine: Annotated[list[str] | None, typer.Option(help="As for `levit-edge sweep`; may be repeated.")] = None,
    tasks: Annotated[int, typer.Option(min=1, help="How many at once.")] = 1000,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes of the local engine.")] = None,
    output: Annotated[Path | None, typer.Option(metavar="JSON", help="Where the figures go besides the table.")] = None,
) -> None:
    """What a sweep's task costs that does nothing."""
    figures = Metrics(
        caveat=CAVEAT,
        command=shlex.join(["python", "-m", "benchmarks.scaling.overhead", *sys.argv[1:]]),
        **circumstances(PACKAGES),
        engines=tuple(measure(each, tasks, workers) for each in engine or [LOCAL]),
    )
    if output:
        output.write_text(json.dumps(to_json(figures), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    show(figures, Console())


if __name__ == "__main__":
    typer.run(command)
