"""A sweep on clusters that nobody here has: `python -m benchmarks.scaling.forecast COSTS.json OVERHEAD.json`.

The tasks of the plan, with the costs that were measured, are handed to slots one after the other as the driver does it:
in the order in which they become ready, each when the driver has had its time for the ones before and a slot is free.
What limits the whole is the largest of four lower bounds: all work over all slots, the longest chain of tasks, the
driver's time for all tasks, and the bytes that the store gives over the links of all nodes.
"""

import heapq
import json
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.scaling.costs import Costs
from benchmarks.scaling.costs import Metrics as CostFigures
from benchmarks.scaling.overhead import Metrics as OverheadFigures
from levit_edge.documents import from_json, read_json, to_json
from levit_edge.errors import SweepError

__all__ = ["Forecast", "Work", "forecast"]

LINK_BYTES_PER_S = 125e6
"""Of a node: 1 Gbit/s, an assumption."""
IMAGE_BYTES = 133_000
"""Of an image: ImageNet's 50,000 validation images are 6.7 GB."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """What is to be done."""

    checkpoints: int = 40
    recipes: int = 5
    calibrations: int = 1
    """Of each checkpoint: recipes that calibrate alike share one."""
    images: int = 50_000
    shard_images: int = 500

    @property
    def shards(self) -> int:
        """How many there are."""
        return -(-self.images // self.shard_images)


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """One cluster. Times in seconds."""

    nodes: int
    slots: int
    tasks: int
    makespan_s: float
    work_s: float
    """All tasks over all slots."""
    chain_s: float
    driver_s: float
    link_s: float

    @property
    def bottleneck(self) -> str:
        """The largest of the four bounds."""
        bounds = {
            "work": self.work_s,
            "the longest chain": self.chain_s,
            "the driver": self.driver_s,
            "links": self.link_s,
        }
        return max(bounds, key=lambda name: bounds[name])


def forecast(work: Work, costs: Costs, driver_task_s: float, nodes: int, slots_per_node: int) -> Forecast:
    """Work out one cluster; `driver_task_s` is what the driver needs for a task."""
    slots = nodes * slots_per_node
    last = work.images - (work.shards - 1) * work.shard_images
    shard_sizes = [work.shard_images] * (work.shards - 1) + [last]
    # Shards of a checkpoint follow on each other, so that a worker loads its files once.
    loads = min(work.shards, slots)
    load_s = costs.evaluate_load_s * loads / work.shards
    evaluations = [load_s + images * costs.evaluate_image_s for images in shard_sizes]
    schedule = _Schedule(slots, driver_task_s)
    indexed = max(schedule.run(0.0, images * costs.index_image_s) for images in shard_sizes)
    ready: deque[tuple[float, int, str]] = deque((indexed, each, "identify") for each in range(work.checkpoints))
    pending = [work.calibrations + 1] * work.checkpoints
    quantizing = [work.recipes] * work.checkpoints
    events: list[tuple[float, int, str]] = []
    while ready or events:
        if not ready:
            ready.append(heapq.heappop(events))
        at, checkpoint, kind = ready.popleft()
        if kind == "identify":
            done = schedule.run(at, costs.identify_s)
            for what, seconds in [("made", costs.export_s)] + [("made", costs.calibrate_s)] * work.calibrations:
                heapq.heappush(events, (schedule.run(done, seconds), checkpoint, what))
        elif kind == "made":
            pending[checkpoint] -= 1
            if not pending[checkpoint]:
                for _ in range(work.recipes):
                    heapq.heappush(events, (schedule.run(at, costs.quantize_s), checkpoint, "quantized"))
        elif kind == "quantized":
            quantizing[checkpoint] -= 1
            if not quantizing[checkpoint]:
                for seconds in evaluations:
                    schedule.run(at, seconds)
    chain = (
        shard_sizes[0] * costs.index_image_s
        + costs.identify_s
        + max(costs.export_s, costs.calibrate_s)
        + costs.quantize_s
        + costs.evaluate_load_s
        + shard_sizes[0] * costs.evaluate_image_s
    )
    read = work.images * IMAGE_BYTES * (1 + work.checkpoints) + work.checkpoints * loads * costs.file_bytes
    return Forecast(
        nodes=nodes,
        slots=slots,
        tasks=schedule.tasks,
        makespan_s=schedule.end,
        work_s=schedule.work / slots,
        chain_s=chain,
        driver_s=schedule.tasks * driver_task_s,
        link_s=read / (nodes * LINK_BYTES_PER_S),
    )


class _Schedule:
    """Slots that take tasks in the order of their coming."""

    def __init__(self, slots: int, driver_task_s: float) -> None:
        self._free = [0.0] * slots
        self._driver, self._driver_task_s = 0.0, driver_task_s
        self.tasks, self.work, self.end = 0, 0.0, 0.0

    def run(self, ready: float, seconds: float) -> float:
        """When a task ends that can begin at `ready`."""
        self._driver = max(self._driver, ready) + self._driver_task_s
        begins = max(self._driver, heapq.heappop(self._free))
        heapq.heappush(self._free, begins + seconds)
        self.tasks, self.work = self.tasks + 1, self.work + seconds
        self.end = max(self.end, begins + seconds)
        return begins + seconds


def command(
    costs: Annotated[Path, typer.Argument(help="What `benchmarks.scaling.costs --output` wrote.")],
    overhead: Annotated[Path, typer.Argument(help="What `benchmarks.scaling.overhead --output` wrote.")],
    nodes: Annotated[str, typer.Option(help="Numbers of nodes.")] = "1,8,64",
    slots: Annotated[int, typer.Option(min=1, help="Tasks that a node runs at once: its cores.")] = 2,
    checkpoints: int = 40,
    recipes: int = 5,
    calibrations: int = 1,
    images: int = 50_000,
    shard_images: int = 500,
) -> None:
    """Forecast a sweep."""
    what = "the figures"
    measured = from_json(CostFigures, read_json(costs, SweepError, what), SweepError, what)
    engines = from_json(OverheadFigures, read_json(overhead, SweepError, what), SweepError, what).engines
    driver_s = engines[-1].driver_cpu_ms / 1000
    work = Work(
        checkpoints=checkpoints, recipes=recipes, calibrations=calibrations, images=images, shard_images=shard_images
    )
    console, table = Console(), Table(box=None, pad_edge=False, header_style="bold")
    console.print(f"{json.dumps(to_json(work))}, driver {1000 * driver_s:.1f} ms a task ({engines[-1].engine})")
    for heading in ("nodes", "slots", "tasks", "hours", "work h", "chain h", "driver h", "links h", "limited by"):
        table.add_column(heading, justify="left" if heading == "limited by" else "right")
    for count in map(int, nodes.split(",")):
        found = forecast(work, measured.costs, driver_s, count, slots)
        hours = (found.makespan_s, found.work_s, found.chain_s, found.driver_s, found.link_s)
        numbers = (f"{seconds / 3600:.2f}" for seconds in hours)
        table.add_row(str(count), str(found.slots), str(found.tasks), *numbers, found.bottleneck)
    console.print(table)


if __name__ == "__main__":
    typer.run(command)
