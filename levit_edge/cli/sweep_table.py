"""A sweep as a table that fits 80 columns."""

from rich.console import Console

from levit_edge.cli.fitting_table import print_table
from levit_edge.runtime.kinds import Runtime
from levit_edge.sweep.results import Candidate, SweepResults

__all__ = ["sweep_table"]


def sweep_table(results: SweepResults, console: Console) -> None:
    """Print a row for each candidate, what failed, and the winners."""
    runtime = results.plan.winner.runtime
    headings = ("checkpoint", "recipe", "MiB", "top-1 %", "drop pt", "agree %", "SQNR dB", "ms", "")
    rows = [_row(each, runtime) for each in results.candidates]
    print_table(console, headings, rows, left=("checkpoint", "recipe", ""), spare=("MiB", "agree %", "top-1 %"))
    for each in results.candidates:
        for problem in each.problems:
            console.print(f"{each.checkpoint} × {each.recipe}: {problem}", style="red", markup=False, soft_wrap=True)
    for name in results.checkpoints:
        won = next((each for each in results.of(name) if each.winner), None)
        console.print(
            f"{name}: {won.recipe} wins" if won else f"{name}: no winner", markup=False, highlight=False, soft_wrap=True
        )


def _row(candidate: Candidate, runtime: Runtime) -> tuple[str, ...]:
    artifact, result = candidate.artifact(runtime), candidate.result(runtime)
    latency = candidate.latency.get(artifact.file) if artifact else None
    marks = ("winner" if candidate.winner else "", "front" if runtime in candidate.front else "")
    return (
        candidate.checkpoint,
        candidate.recipe,
        _number(artifact.size_bytes / 2**20 if artifact else None),
        _number(result.top1 if result else None),
        _number(result.drop_pt if result else None),
        _number(result.agreement if result else None),
        _number(result.sqnr_db if result else None, 1),
        _number(latency.p50 if latency else None),
        " ".join(filter(None, marks)),
    )


def _number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
