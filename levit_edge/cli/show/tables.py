"""How a verification is printed: a table that fits 80 columns, or the documented JSON."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console

from levit_edge.bundle.manifest import ArtifactResult, SearchRecord, Verification
from levit_edge.cli.show.fitting_table import print_table
from levit_edge.documents import to_json
from levit_edge.system.progress import StageRecord

__all__ = ["bundle_json", "search_summary", "verification_table"]


def bundle_json(bundle: str, verification: Verification, stages: Sequence[StageRecord]) -> dict[str, Any]:
    """The JSON of `quantize` and `verify`: accuracies in percent, drops in points."""
    document: dict[str, Any] = {"schema_version": 1, "bundle": bundle} | to_json(verification)
    return document | {"stages": to_json(list(stages))}


def verification_table(verification: Verification, console: Console) -> None:
    """Print what was measured, on how many images, in which runtimes, on which machine."""
    headings = ("artifact", "MiB", "top-1 %", "top-5 %", "drop pt", "95 % interval", "agree %", "SQNR dB")
    rows = [_row(result) for result in verification.results]
    print_table(console, headings, rows, left=("artifact",), spare=("top-5 %", "agree %", "MiB", "SQNR dB"))
    for result in verification.results:
        if result.flips_lost is not None:
            console.print(
                f"{result.artifact}: {result.flips_lost} flips lost, {result.flips_gained} gained; margin change"
                f" {result.margin_change_mean:+.2f} mean, {result.margin_change_worst:+.2f} worst",
                highlight=False,
            )
    runtimes = ", ".join(f"{name} {version}" for name, version in verification.runtimes.items())
    host = verification.host
    console.print(
        f"{verification.samples} images; {runtimes}; {host.get('processor', 'unknown')},"
        f" {host.get('architecture', 'unknown')}",
        highlight=False,
    )
    if not verification.labelled:
        console.print("The images have no labels: the drop was not measured.", style="yellow")
    _print_gate(verification, console)


def search_summary(search: SearchRecord, console: Console) -> None:
    """Print what keeping the budget took, and what it costs."""
    chosen = next(trial for trial in search.trials if trial.moves == len(search.moves))
    console.print(
        f"budget {'kept' if search.held else 'NOT kept'} on {chosen.samples} other images: {len(search.moves)} moves"
        f" after {len(search.trials)} trials, drop {chosen.drop_pt:.2f} ± {chosen.standard_error_pt:.2f} points,"
        f" agreement {chosen.agreement:.2f} %",
        style="" if search.held else "bold red",
        highlight=False,
    )
    schemes = {move.layer: move.scheme for move in search.moves}
    for scheme in dict.fromkeys(schemes.values()):
        layers = [layer for layer, moved_to in schemes.items() if moved_to == scheme]
        console.print(f"now {scheme}: {', '.join(layers)}", highlight=False)
    if search.price is not None:
        price = search.price
        console.print(
            f"price: {price.recipe_ms:.2f} -> {price.chosen_ms:.2f} ms for an image (fp32 {price.fp32_ms:.2f};"
            f" ExecuTorch, one thread, median of {price.runs})",
            highlight=False,
        )


def _row(result: ArtifactResult) -> tuple[str, ...]:
    interval = result.drop_ci95_pt
    return (
        result.artifact,
        f"{result.size_bytes / 2**20:.2f}",
        _number(result.top1),
        _number(result.top5),
        _number(result.drop_pt),
        "–" if interval is None else f"{interval[0]:+.2f} … {interval[1]:+.2f}",
        _number(result.agreement),
        _number(result.sqnr_db, 1),
    )


def _number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _print_gate(verification: Verification, console: Console) -> None:
    gate = verification.gate
    if gate.passed is True:
        console.print(f"gate passed: the drop is at most {gate.max_drop_pt:g} points", style="green", highlight=False)
    elif gate.passed is False:
        console.print(
            f"gate FAILED: the drop is more than {gate.max_drop_pt:g} points", style="bold red", highlight=False
        )
