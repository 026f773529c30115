"""How a bundle's making and its verification are printed: a table that fits 80 columns, or the documented JSON."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from rich.console import Console

from levit_edge.benchmark.interference import slowed_by_others
from levit_edge.bundle.from_hub import name_of
from levit_edge.bundle.manifest import ArtifactResult, ImageProvenance, SearchRecord, Verification
from levit_edge.bundle.reader import Bundle
from levit_edge.cli.show.fitting_table import decimal, print_table
from levit_edge.cli.terminal.console import print_json, say, stdout
from levit_edge.data.image_tables import NO_TABLES
from levit_edge.device.file_kinds import with_advice
from levit_edge.documents import to_json
from levit_edge.report.report_data import read_report_data
from levit_edge.runtime.evaluation.gate import verdict
from levit_edge.runtime.evaluation.meaning import meaning
from levit_edge.system.progress import StageRecord
from levit_edge.text import counted, listed

__all__ = ["bundle_json", "print_bundle", "print_passed_over", "verification_table"]

LEAST_SHARE = 0.05
"""Of the whole time, for a stage to be named."""


def print_bundle(bundle: Bundle, *, json: bool) -> None:
    """Print what the making of a bundle came to."""
    manifest = bundle.manifest
    if json:
        document = bundle_json(bundle, manifest.verification, manifest.stages)
        print_json(document | {"search": to_json(manifest.search)})
        return
    data = read_report_data(bundle)
    latency = None if data is None else data.latency
    if latency is not None and (slowed := slowed_by_others(latency, after_own_work=True)) is not None:
        say(f"the report's speed-ups are not to be relied on: {slowed}", "bold yellow", wrap=True)
    verification_table(manifest.verification, stdout)
    if manifest.search is not None:
        _print_search(manifest.search)
    if manifest.checkpoint.other_entries:
        others = listed(manifest.checkpoint.other_entries)
        say(f"weights: {manifest.checkpoint.entry} of {manifest.checkpoint.source}, not {others}", wrap=True)
    if manifest.calibration.source != manifest.verification.images.source:
        print_passed_over(manifest.calibration, stdout)
    say(f"preprocessing: {manifest.preprocessing}, from {manifest.preprocessing_origin}", wrap=True)
    say(_work(manifest.stages), wrap=True)
    say(f"bundle: {bundle.path}")


def _work(stages: Sequence[StageRecord]) -> str:
    """How long it took, which stages took most of it, and the peak memory."""
    seconds, peak_bytes = sum(stage.seconds for stage in stages), max(stage.peak_rss_bytes for stage in stages)
    parts: dict[str, float] = {}
    for stage in stages:
        parts[stage.name] = parts.get(stage.name, 0.0) + stage.seconds
    named = {name: part for name, part in parts.items() if part >= LEAST_SHARE * seconds > 0}
    told = [f"{name} {part / seconds:.0%}" for name, part in sorted(named.items(), key=lambda each: -each[1])]
    if named and len(parts) > len(named):
        others = counted(len(parts) - len(named), "other stage")
        told.append(f"{others} {1 - sum(named.values()) / seconds:.0%}")
    shares = f" ({', '.join(told)})" if told else ""
    return f"{seconds:.0f} s{shares}, peak memory {peak_bytes / 2**20:.0f} MiB"


def bundle_json(bundle: Bundle, verification: Verification, stages: Sequence[StageRecord]) -> dict[str, Any]:
    """The JSON of `quantize` and `verify`: accuracies in percent, drops in points."""
    manifest = bundle.manifest
    document: dict[str, Any] = {"schema_version": 1, "bundle": name_of(bundle.path)} | to_json(verification)
    said = ("checkpoint", "preprocessing", "preprocessing_origin", "warnings")
    made = {name: to_json(getattr(manifest, name)) for name in said}
    return document | made | {"stages": to_json(list(stages))}


def verification_table(verification: Verification, console: Console) -> None:
    """Print what was measured, on how many images, in which runtimes, on which machine."""
    headings = ("artifact", "MiB", "top-1 %", "top-5 %", "drop pt", "95 % interval", "agree %", "SQNR dB")
    rows = [_row(result) for result in verification.results]
    print_table(console, headings, {"": rows}, left=("artifact",), spare=("top-5 %", "agree %", "MiB", "SQNR dB"))
    line = partial(say, to=console, wrap=True)
    for why in verification.not_run.values():
        line(f"not run: {why}.", "yellow")
    for result in verification.results:
        if result.flips_lost is not None:
            line(
                f"{result.artifact}: {counted(result.flips_lost, 'flip')} lost, {result.flips_gained} gained; margin"
                f" change {result.margin_change_mean:+.2f} mean, {result.margin_change_worst:+.2f} worst"
            )
        if (meant := meaning(result, verification.samples)) is not None:
            line(f"{result.artifact}: {meant}")
    if (among := verification.among_present) is not None:
        figures = ", ".join(f"{artifact} {top1:.2f} %" for artifact, top1 in among.top1.items())
        line(f"top-1 among the {counted(among.classes, 'class')} of these images alone: {figures}")
    runtimes = ", ".join(f"{name} {version}" for name, version in verification.runtimes.items())
    host, gate = verification.host, verification.gate
    machine = f"{host.get('processor', 'unknown')}, {host.get('architecture', 'unknown')}"
    exif = ", turned the way up that their EXIF says" if verification.exif else ""
    line(f"{counted(verification.samples, 'image')}{exif}; {runtimes}; {machine}")
    print_passed_over(verification.images, console)
    if verification.classes is not None:
        line(verification.classes.sentence)
    for name, file in (verification.images.tables or NO_TABLES).named().items():
        line(f"--{name} {file.path}" + (f" (SHA-256 {file.sha256[:16]}…)" if file.sha256 else ""))
    if not verification.labelled:
        line("The images have no labels: the drop was not measured.", "yellow")
    if verification.poor_fp32 is not None:
        line(f"warning: {verification.poor_fp32}", "bold red")
    said = verdict(verification)
    if said is not None:
        line(said, "green" if gate.passed else "bold red")


def print_passed_over(images: ImageProvenance, console: Console) -> None:
    """Print how many files of a source were not read, and what they are, if there are any."""
    if images.passed_over:
        say(f"{images.source}: {with_advice(images.passed_over)}", to=console, wrap=True)


def _print_search(search: SearchRecord) -> None:
    """Print what keeping the budget took, and what it costs."""
    chosen = next(trial for trial in search.trials if trial.moves == len(search.moves))
    say(
        f"budget {'kept' if search.held else 'NOT kept'} on {counted(chosen.samples, 'other image')}:"
        f" {counted(len(search.moves), 'move')}"
        f" after {counted(len(search.trials), 'trial')}, drop {chosen.drop_pt:.2f} ±"
        f" {chosen.standard_error_pt:.2f} points,"
        f" agreement {chosen.agreement:.2f} %",
        "" if search.held else "bold red",
        wrap=True,
    )
    schemes = {move.layer: move.scheme for move in search.moves}
    for scheme in dict.fromkeys(schemes.values()):
        layers = [layer for layer, moved_to in schemes.items() if moved_to == scheme]
        say(f"now {scheme}: {', '.join(layers)}", wrap=True)
    if search.price is not None:
        price = search.price
        say(
            f"price: {price.recipe_ms:.2f} -> {price.chosen_ms:.2f} ms for an image (fp32 {price.fp32_ms:.2f};"
            f" ExecuTorch, one thread, median of {price.runs})",
            wrap=True,
        )


def _row(result: ArtifactResult) -> tuple[str, ...]:
    interval = result.drop_ci95_pt
    return (
        result.artifact,
        decimal(result.size_bytes / 2**20),
        decimal(result.top1),
        decimal(result.top5),
        decimal(result.drop_pt),
        "–" if interval is None else f"{interval[0]:+.2f} … {interval[1]:+.2f}",
        decimal(result.agreement),
        decimal(result.sqnr_db, 1),
    )
