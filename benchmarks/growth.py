"""How the latency of levit-edge's files grows with the size: milliseconds, per multiply-add, and where they go.

    pip install -e '.[quantize]'
    python -m benchmarks.growth --output growth.json

All sizes, fp32 and the default int8, both runtimes, random weights, all in turn in processes of their own. Exit status:
0 done; 2 wrong usage; 3 bad input; 130 interrupted.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.command import check_folders, command_line, conclude, model_size, positive
from benchmarks.document import circumstances
from benchmarks.isolation import Isolated, reason_for
from benchmarks.speed.building import build_all
from benchmarks.speed.catalogue import all_contenders
from benchmarks.speed.contender import IMAGES, Contender, Engine, Product, Workshop
from benchmarks.speed.growth_results import GIGA, Growth, Row, show
from benchmarks.speed.prepare import Prepared, Wanted, prepare
from benchmarks.speed.race import Entry, Finish, Schedule, race
from benchmarks.speed.shares import onnxruntime_share
from benchmarks.speed.statistics import latency_of
from levit_edge.cli.terminal.progress import TerminalListener
from levit_edge.model.config import OFFICIAL_SIZES
from levit_edge.system.progress import StageListener

__all__ = ["main", "run"]

PACKAGES = ("levit-edge", "torch", "executorch", "onnxruntime", "numpy")
CAVEAT = (
    "Random weights, and times of this machine, which other work may have shared. Outside: the share of the time that"
    " is not in convolutions and linears, by ONNX Runtime's profiler; ExecuTorch's package has none."
)
ENGINES = {Engine.EXECUTORCH, Engine.ONNXRUNTIME}
NAMES = {"ours fp32", "ours int8 mixed"}
WARM_UP = 2


@dataclass(frozen=True, kw_only=True)
class _Built:
    """One size, built."""

    prepared: Prepared
    files: dict[str, Product | str]
    shares: dict[str, float | str | None]
    """Percent, or why there is none; None where none can be had."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status; errors of the user become one message on stderr."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _options(arguments)
    return conclude(lambda: run(options, command_line("growth", arguments)), options.output, show)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--model", action="append", type=model_size, choices=OFFICIAL_SIZES, help="a size; may be repeated [all five]"
    )
    parser.add_argument("--threads", type=positive, default=1, metavar="N", help="[1]")
    parser.add_argument("--rounds", type=positive, default=20, metavar="N", help="turns of each file [20]")
    parser.add_argument("--runs", type=positive, default=10, metavar="N", help="timed runs in each turn [10]")
    parser.add_argument("--output", type=Path, metavar="JSON", help="where the figures go besides the table")
    options = parser.parse_args(arguments)
    check_folders(parser, {"--output": options.output})
    return options


def run(options: argparse.Namespace, command: str) -> Growth:
    """Build every size, then race all of them."""
    load_average, listener = os.getloadavg()[0], TerminalListener()
    contenders = [each for each in all_contenders() if each.name in NAMES and each.engine in ENGINES]
    with TemporaryDirectory() as folder:
        built = {}
        for size in options.model or OFFICIAL_SIZES:
            (place := Path(folder) / size).mkdir()
            built[size] = _build(size, contenders, place, listener)
        entries = {
            f"{size}/{key}": Entry(engine=Engine(key.partition("/")[0]), file=product.file)
            for size, each in built.items()
            for key, product in each.files.items()
            if isinstance(product, Product)
        }
        schedule = Schedule(threads=options.threads, rounds=options.rounds, runs=options.runs, warm_up=WARM_UP)
        images = next(iter(built.values())).prepared.workshop.folder / IMAGES
        finishes = race(entries, images, schedule, listener)
    return Growth(
        caveat=CAVEAT,
        command=command,
        **circumstances(PACKAGES),
        threads=options.threads,
        rounds=options.rounds,
        runs=options.runs,
        load_average=round(load_average, 2),
        rows=tuple(_row(contender, size, each, finishes) for contender in contenders for size, each in built.items()),
    )


def _build(size: str, contenders: Sequence[Contender], folder: Path, listener: StageListener) -> _Built:
    wanted = Wanted(checkpoint=None, size=size, resize=None, calibration=None, calibration_images=8)
    with listener.stage(f"prepare {size}", None), Isolated() as process:
        prepared = process.call(prepare, wanted, folder)
    files = build_all(contenders, prepared.workshop, listener)
    with listener.stage(f"profile {size}", None):
        shares = {
            each.key: _share(each, prepared.workshop, product.file)
            for each in contenders
            if isinstance(product := files[each.key], Product)
        }
    return _Built(prepared=prepared, files=files, shares=shares)


def _share(contender: Contender, workshop: Workshop, file: Path) -> float | str | None:
    """None of ExecuTorch, whose package cannot tell."""
    if contender.engine is not Engine.ONNXRUNTIME:
        return None
    with Isolated() as process:
        try:
            return process.call(onnxruntime_share, workshop, file)
        except Exception as error:  # without it, the times are still good
            return reason_for(error)


def _row(contender: Contender, size: str, built: _Built, finishes: dict[str, Finish]) -> Row:
    work, product = built.prepared.multiply_adds, built.files[contender.key]
    plain = partial(
        Row,
        model=built.prepared.model,
        runtime=contender.engine,
        precision=contender.precision,
        multiply_adds=work,
    )
    if isinstance(product, str):
        return plain(reason=product)
    finish, share = finishes[f"{size}/{contender.key}"], built.shares[contender.key]
    if finish.reason:
        return plain(size_bytes=product.size_bytes, reason=finish.reason)
    latency = latency_of(finish.rounds)
    return plain(
        latency=latency,
        ms_per_gmac=round(latency.median_ms / work * GIGA, 3),
        outside_percent=round(share, 1) if isinstance(share, float) else None,
        size_bytes=product.size_bytes,
        reason=share if isinstance(share, str) else "",
    )


if __name__ == "__main__":
    sys.exit(main())
