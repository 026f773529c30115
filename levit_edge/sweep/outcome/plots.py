"""What candidates cost in accuracy and in time (or size) as figures: one checkpoint's front, and all winners."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import TYPE_CHECKING, Any

from levit_edge.bundle.kinds import Runtime
from levit_edge.bundle.manifest import Artifact
from levit_edge.report.figure import BLUE, GREY, ORANGE, Drawing, name_rows
from levit_edge.sweep.outcome.results import Candidate, SweepResults
from levit_edge.sweep.plan import Gates
from levit_edge.text import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["front_plot", "winners_plot"]

LOOKS = ((BLUE, "o"), (ORANGE, "s"), (GREY, "D"), (BLUE, "^"), (ORANGE, "v"))
"""Colour and marker of one runtime after the other; the markers alone tell them apart, too."""
SHIFT = 0.28
"""Between the points of two runtimes in one row."""
FRONT_INCHES = (6.4, 3.6)
WIDTH_INCHES, ROW_INCHES, FRAME_INCHES = 7.8, 0.32, 1.2
MARKER = 14.0
FILL, FAINT = 0.25, 0.6
LABEL_CHARACTERS = 29
MIB = 2**20


@dataclass(frozen=True)
class _Point:
    number: int
    """The number of the recipe, from 1."""
    cost: float
    drop: float
    interval: tuple[float, float] | None
    on_front: bool
    winner: bool


def front_plot(candidates: Sequence[Candidate], results: SweepResults) -> Drawing | None:
    """Drop in top-1 against latency, or size where none was measured, of one checkpoint; None if no drop is known.

    Recipes are numbers in the plan's order.
    """
    timed = _timed(candidates)
    points = {runtime: _points(candidates, results, runtime, timed=timed) for runtime in Runtime}
    if not any(points.values()):
        return None
    gates = results.plan.gates
    return Drawing(*FRONT_INCHES, lambda figure, ink: _draw_front(figure.subplots(), points, gates, ink, timed=timed))


def winners_plot(checkpoints: Mapping[str, Sequence[Candidate]], results: SweepResults) -> Drawing:
    """The drop of each checkpoint's winner, and of the others faintly; beside it what it costs."""
    height = FRAME_INCHES + ROW_INCHES * len(checkpoints)
    return Drawing(WIDTH_INCHES, height, lambda figure, _ink: _draw_winners(figure, checkpoints, results))


def _timed(candidates: Sequence[Candidate]) -> bool:
    return any(each.latency for each in candidates)


def _cost(candidate: Candidate, file: Artifact, *, timed: bool) -> float | None:
    return candidate.latency_ms(file) if timed else file.size_bytes / MIB


def _cost_label(*, timed: bool) -> str:
    return "median time of one image, ms" if timed else "size, MiB"


def _points(candidates: Sequence[Candidate], results: SweepResults, runtime: Runtime, *, timed: bool) -> list[_Point]:
    numbers, found = list(results.plan.recipes), []
    for each in candidates:
        file, result = each.artifact(runtime), each.result(runtime)
        cost = _cost(each, file, timed=timed) if file else None
        if cost is None or result is None or result.drop_pt is None or each.recipe not in numbers:
            continue
        wins = each.winner and runtime is results.plan.winner.runtime
        number = numbers.index(each.recipe) + 1
        found.append(_Point(number, cost, result.drop_pt, result.drop_ci95_pt, runtime in each.front, wins))
    return found


def _draw_front(
    axes: "Axes", points: Mapping[Runtime, Sequence[_Point]], gates: Gates, ink: str, *, timed: bool
) -> None:
    for runtime, (colour, marker) in zip(points, cycle(LOOKS), strict=False):
        front = sorted((each.cost, each.drop) for each in points[runtime] if each.on_front)
        if len(front) > 1:
            axes.plot(*zip(*front, strict=True), color=colour, linewidth=1.2, drawstyle="steps-post", zorder=1)
        for each in points[runtime]:
            _draw_point(axes, each, colour, marker, ink)
        if points[runtime]:
            axes.scatter(
                [], [], 50, marker=marker, facecolors=[(colour, FILL)], edgecolors=colour, label=runtime.entry.label
            )
    axes.set_xlabel(_cost_label(timed=timed))
    axes.set_ylabel("drop in top-1, points")
    axes.margins(0.12)
    axes.ticklabel_format(useOffset=False)
    axes.grid(color=GREY, alpha=0.3)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    _draw_gate(axes.axhline, axes.get_ylim(), gates.max_drop_pt, ink)
    if timed:
        _draw_gate(axes.axvline, axes.get_xlim(), gates.max_latency_ms, ink)
    else:
        _draw_gate(axes.axvline, axes.get_xlim(), gates.max_int8_bytes, ink, unit=MIB)


def _draw_gate(
    line: Callable[..., object], seen: tuple[float, float], limit: float | None, ink: str, unit: int = 1
) -> None:
    """A dashed line where it is among the candidates; else it would push these together."""
    if limit is not None and seen[0] * unit <= limit <= seen[1] * unit:
        line(limit / unit, color=ink, linewidth=0.8, linestyle="--")


def _draw_point(axes: "Axes", point: _Point, colour: str, marker: str, ink: str) -> None:
    faint = None if point.on_front else FAINT
    if point.interval is not None:
        axes.vlines(point.cost, *point.interval, color=colour, alpha=faint, linewidth=1.2, zorder=2)
    fill = (colour, FILL) if point.on_front else "none"
    look: Any = {"marker": marker, "edgecolors": colour, "linewidths": 1.2, "zorder": 3}
    axes.scatter(point.cost, point.drop, MARKER**2, facecolors=fill, alpha=faint, **look)
    if point.winner:
        axes.scatter(point.cost, point.drop, (MARKER + 7) ** 2, facecolors="none", **look | {"linewidths": 2.0})
    font: Any = {"ha": "center", "va": "center_baseline", "color": ink, "zorder": 4}
    axes.annotate(str(point.number), (point.cost, point.drop), **font)


def _draw_winners(figure: "Figure", checkpoints: Mapping[str, Sequence[Candidate]], results: SweepResults) -> None:
    drops, costs = figure.subplots(1, 2, sharey=True, width_ratios=(3, 2))
    timed = any(map(_timed, checkpoints.values()))
    for number, (runtime, (colour, marker)) in enumerate(zip(Runtime, cycle(LOOKS), strict=False)):
        shift = SHIFT * (number - (len(Runtime) - 1) / 2)
        for place, candidates in enumerate(checkpoints.values()):
            for each in candidates:
                file = each.artifact(runtime)
                if file is not None:
                    found, cost = each.figures(file), _cost(each, file, timed=timed)
                    _draw_figure(drops, found.drop_pt, place + shift, colour, marker, strong=each.winner)
                    _draw_figure(costs, cost, place + shift, colour, marker, strong=each.winner)
                    if each.winner and found.drop_ci95_pt is not None:
                        drops.hlines(place + shift, *found.drop_ci95_pt, color=colour, linewidth=1.2)
        drops.plot([], [], marker, color=colour, markersize=5, label=runtime.entry.label)
    drops.set_xlabel("drop in top-1, points")
    costs.set_xlabel(_cost_label(timed=timed))
    drops.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False)
    for axes in (drops, costs):
        name_rows(axes, [shortened(name, LABEL_CHARACTERS) for name in checkpoints])
        axes.ticklabel_format(axis="x", useOffset=False)
    _draw_gate(drops.axvline, drops.get_xlim(), results.plan.gates.max_drop_pt, GREY)


def _draw_figure(axes: "Axes", value: float | None, at: float, colour: str, marker: str, *, strong: bool) -> None:
    if value is not None:
        look: Any = {"markersize": 5.0, "zorder": 3} if strong else {"markersize": 3.5, "alpha": FAINT, "zorder": 2}
        axes.plot([value], [at], marker, color=colour, markerfacecolor=colour if strong else "none", **look)
