"""`levit-edge sweep`: many checkpoints by many recipes, on this machine or on a Ray cluster."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from levit_edge.cli.images import fetch_sets
from levit_edge.cli.options import JsonOutput
from levit_edge.cli.terminal.console import print_json, say, show_warning, stdout, suggest
from levit_edge.cli.terminal.progress import progress_bars
from levit_edge.cli.terminal.sweep_progress import SweepProgress
from levit_edge.errors import ExitStatus, PlanError
from levit_edge.places import require_file
from levit_edge.system.atomic import require_folder

if TYPE_CHECKING:
    from levit_edge.sweep.outcome.results import SweepResults

__all__ = ["sweep"]


def sweep(
    plan: Annotated[Path, typer.Argument(metavar="PLAN.toml", help="What to do: docs/sweeps.md.")],
    engine: Annotated[
        str,
        typer.Option(
            metavar="local|ray|ray://HOST:PORT",
            help="What runs the tasks: processes of this machine, or a Ray cluster.",
        ),
    ] = "local",
    output: Annotated[
        str | None, typer.Option(metavar="DIR|URL", help="Where everything goes. [default: the plan's name]")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Processes of `local`. [default: one per core]")
    ] = None,
    any_processor: Annotated[
        bool,
        typer.Option(
            "--any-processor",
            help="Take a cluster of different processors: int8 may differ in single roundings between them.",
        ),
    ] = False,
    json: JsonOutput = False,
) -> int:
    """Quantize many checkpoints by many recipes, evaluate all of it, and say which recipe wins.

    What is done already, by an earlier run or another engine, is not done again.
    """
    require_file(plan, "a plan in TOML: docs/sweeps.md", PlanError)
    from levit_edge.sweep.inputs.present import require_present
    from levit_edge.sweep.plan import read_plan

    wanted = read_plan(plan)
    require_present(wanted)
    place = output or f"{plan.stem}-sweep"
    if "://" not in place:
        require_folder(Path(place), "--output")
    fetch_sets((wanted.calibration.images, wanted.evaluation.images), json=json)
    from levit_edge.documents import to_json
    from levit_edge.sweep.sweep import sweep as run_sweep

    with progress_bars(quiet=json) as bars:
        results = run_sweep(
            wanted,
            place,
            engine=engine,
            workers=workers,
            any_processor=any_processor,
            listener=None if json else SweepProgress(bars),
            warn=show_warning,
        )
    if json:
        print_json(to_json(results))
    else:
        _show(results, place)
    return _status(results)


def _show(results: "SweepResults", place: str) -> None:
    from levit_edge.cli.show.sweep import sweep_table

    sweep_table(results, stdout)
    say(f"results: {place}")
    suggest(*_next(results, place))


def _next(results: "SweepResults", place: str) -> Iterator[tuple[str, ...]]:
    from levit_edge.sweep.outcome.output import BUNDLES

    yield "levit-edge", "report", place, "--open"
    winner = next((each for each in results.candidates if each.winner), None)
    if winner is not None and "://" not in place:
        yield "levit-edge", "verify", f"{place}/{BUNDLES}/{winner.checkpoint}", "--evaluation", "OTHER-IMAGES"


def _status(results: "SweepResults") -> ExitStatus:
    """3 if anything failed, 4 if a checkpoint has no candidate within the gates."""
    if any(each.problems for each in results.candidates):
        return ExitStatus.BAD_INPUT
    gated = any(each.within_gates is not None for each in results.candidates)
    lost = any(not any(each.within_gates for each in of_one) for of_one in results.by_checkpoint.values())
    return ExitStatus.GATE_FAILED if gated and lost else ExitStatus.DONE
