"""A sweep as one self-contained page."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from levit_edge.bundle.kinds import Precision
from levit_edge.bundle.manifest import ArtifactResult, Verification
from levit_edge.bundle.recipe import Recipe
from levit_edge.demo import is_demo
from levit_edge.documents import to_json
from levit_edge.report.bundles import brief
from levit_edge.report.caveats import DEMO_MODEL, FLATTERED, caveats_of_images
from levit_edge.report.page import number, render
from levit_edge.sweep.outcome.choice import gate_checks, limits, too_few_images
from levit_edge.sweep.outcome.plots import front_plot, winners_plot
from levit_edge.sweep.outcome.results import Candidate, SweepResults, merged_hosts
from levit_edge.sweep.plan import SweepPlan, WinnerBy
from levit_edge.text import listed
from levit_edge.text import number as within

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["plan_lines", "sweep_page"]

MOST_DRAWN = 500
"""Candidates; ten take half a second and 60 kB."""
MOST_OPEN = 3
"""Checkpoints whose tables and figures are shown without being asked for."""
LONGEST_SECONDS = 1e10
ARM = ("aarch64", "arm64")
WINS = "wins"
UNITS = {"drop": (1, "points"), "interval": (1, "points"), "size": (2**20, "MiB"), "latency": (1, "ms")}
"""Gate -> what its figures are divided by, and the unit that they have then."""
SAID = {"interval": "upper end of the drop's 95 % interval"}
"""What gates are called beside their limits, where that is not by their names."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One file of a candidate in its checkpoint's table."""

    name: str
    """The file, and what made it."""
    recipe: str = ""
    figures: ArtifactResult
    among_present: float | None
    """Top-1 among the classes that the images have, percent."""
    latency_ms: float | None
    verdict: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    """Gates by their names."""


@dataclass(frozen=True, kw_only=True)
class CheckpointPart:
    """What the page says of one checkpoint."""

    candidates: tuple[Candidate, ...]
    rows: tuple[Row, ...]
    plot: "Markup | None"

    @property
    def won(self) -> Row | None:
        """The winner's in the runtime that the plan compares."""
        return next((row for row in self.rows if WINS in row.verdict), None)

    @property
    def first(self) -> Candidate:
        """One that names what all have in common, if any could be read."""
        return next((each for each in self.candidates if each.checkpoint_sha256), self.candidates[0])


def sweep_page(results: SweepResults) -> str:
    """The page; every value is escaped, as a sweep's results may come from others.

    Raises:
        RuntimeUnavailableError: Jinja2 or matplotlib is not installed.
    """
    candidates = results.by_checkpoint
    so_far = accumulate(map(len, candidates.values()))
    drawn = {name: candidates[name] for name, count in zip(candidates, so_far, strict=True) if count <= MOST_DRAWN}
    parts = {name: _part(results, each, drawn=name in drawn) for name, each in candidates.items()}
    verification = next((each.verification for each in results.candidates if each.verification), None)
    return render(
        "sweep.html.jinja",
        results=results,
        plan=results.plan,
        parts_of=parts,
        verification=verification,
        present=results.classes_present,
        failed=[each for each in results.candidates if each.problems],
        within=sum(any(each.within_gates for each in part.candidates) for part in parts.values()),
        gates=[
            f"{SAID.get(gate, gate)} at most {_amount(gate, limit)}"
            for gate, limit in limits(results.plan.gates).items()
        ],
        caveats=list(_caveats(results, verification)),
        winners_plot=winners_plot(drawn, results).inline() if len(drawn) > 1 else None,
        undrawn=len(parts) - len(drawn),
        most_open=MOST_OPEN,
        recipes={name: _differences(recipe) for name, recipe in results.plan.recipes.items()},
        duration=_duration,
        plan_lines=list(plan_lines(results.plan)),
        hosts=merged_hosts(each.verification.host for each in results.candidates if each.verification),
    )


def _part(results: SweepResults, candidates: Sequence[Candidate], *, drawn: bool) -> CheckpointPart:
    plot = front_plot(candidates, results) if drawn else None
    return CheckpointPart(
        candidates=tuple(candidates),
        rows=tuple(_rows(candidates, results)),
        plot=plot.inline() if plot else None,
    )


def _rows(candidates: Sequence[Candidate], results: SweepResults) -> Iterator[Row]:
    """The fp32 files, each once, then the int8 files, recipe after recipe."""
    files = [(each, file) for each in candidates for file in each.artifacts]
    fp32 = {file.sha256: (each, file) for each, file in files if file.precision is Precision.FP32}
    for each, file in fp32.values():
        yield Row(
            name=file.file,
            figures=each.figures(file),
            among_present=each.top1_among_present(file),
            latency_ms=each.latency_ms(file),
        )
    numbers = {name: f"{place} " for place, name in enumerate(results.plan.recipes, 1)}
    for each, file in files:
        if file.precision.is_int8:
            compared = file == each.artifact(file.runtime)
            wins = compared and each.winner and file.runtime is results.plan.winner.runtime
            checks = gate_checks(each, results.plan.gates)
            yield Row(
                name=f"{numbers.get(each.recipe, '')}{each.recipe}, {file.file}",
                recipe=each.recipe,
                figures=each.figures(file),
                among_present=each.top1_among_present(file),
                latency_ms=each.latency_ms(file),
                verdict=(WINS,) * wins + ("front",) * (compared and file.runtime in each.front),
                missed=tuple(check.gate for check in checks if check.file == file.file and check.kept is False),
            )


def _amount(gate: str, value: float) -> str:
    divisor, unit = UNITS[gate]
    return f"{number(value, unit=divisor)} {unit}"


def _caveats(results: SweepResults, verification: Verification | None) -> Iterator[str]:
    """What a reader of the figures has to know before believing them."""
    plan, recipes = results.plan, len(results.plan.recipes)
    if any(is_demo(each.checkpoint_sha256) for each in results.candidates):
        yield DEMO_MODEL
    if plan.winner.by is WinnerBy.ACCURACY and recipes > 1 and any(each.winner for each in results.candidates):
        yield (
            f"Each winner has the least of {recipes} drops on the same images, and so a little luck: expect somewhat"
            " more on others. `levit-edge verify` measures its bundle on images that this sweep has not seen."
        )
    for why, names in results.not_run.items():
        yield f"{listed(names, 3)}: not run, and without figures: {why}."
    if verification is not None:
        yield from caveats_of_images(verification)
        yield from filter(None, (too_few_images(results),))
        if verification.images.skipped:
            yield f"Images that could not be read were left out: {len(verification.images.skipped)} of evaluation."
    if plan.calibration.images == plan.evaluation.images:
        yield FLATTERED
    if results.device is not None:
        board = (
            ""
            if results.device.architecture in ARM
            else " These are times of a computer, not of an ARM board or phone."
        )
        yield (
            "Latencies were measured one candidate after the other, not in turns: what slowed the machine meanwhile is"
            f" in the differences between candidates; `levit-edge bench` measures a bundle at length.{board}"
        )
    if len(results.environment.get("processor", "").split("; ")) > 1:
        yield "Different processors took part: int8 may differ between them in single roundings."


def _differences(recipe: Recipe) -> str:
    """What a recipe does otherwise than the default one."""
    usual = to_json(Recipe())
    changed = ((name, value) for name, value in to_json(recipe).items() if value != usual[name])
    return "; ".join(f"{name.replace('_', ' ')}: {brief(name, value)}" for name, value in changed) or "the default"


def plan_lines(plan: SweepPlan) -> Iterator[str]:
    """The TOML document that `read_plan` reads, with everything spelled out, as defaults may change.

    What is None is left out, as TOML has no such value.
    """
    document = to_json(plan)
    yield f"schema_version = {document.pop('schema_version')}"
    checkpoints, recipes = document.pop("checkpoints"), document.pop("recipes")
    for each in checkpoints:
        yield from _table("[[checkpoints]]", each)
    for name, recipe in recipes.items():
        yield from _table(f"[recipes.{_toml(name)}]", recipe)
    for name, values in document.items():
        if values is not None:
            yield from _table(f"[{name}]", values)


def _table(heading: str, values: Mapping[str, Any]) -> Iterator[str]:
    yield ""
    yield heading
    yield from (f"{key} = {_toml(value)}" for key, value in values.items() if value is not None)


def _toml(value: Any) -> str:
    """JSON's texts, numbers and lists are TOML's, but for one control character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _duration(seconds: float) -> str:
    """Such as `1:02:05`."""
    found = within(seconds, 0, LONGEST_SECONDS)
    return "–" if found is None else str(timedelta(seconds=round(found)))
