"""The latencies as one figure: a bar for each contender's median, a line to its 90th percentile, runtimes apart."""

from pathlib import Path
from statistics import median
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from benchmarks.speed.results import Latencies, Row
from levit_edge.bundle.kinds import Precision

__all__ = ["write_plot"]

COLOURS = {"ours": "#0072B2", "timm": "#E69F00", "transformers": "#009E73"}
"""Okabe and Ito, "Color Universal Design", 2008: told apart with every kind of colour vision."""
OTHERS = "#8C8C8C"
FLOAT_ALPHA = 0.4
CUT = 5.0
"""Medians of the median contender."""
ROW_INCHES, GAP_ROWS, PANEL_INCHES, NAMES_INCHES, FRAME_INCHES = 0.22, 0.8, 4.6, 3.2, 1.5


def write_plot(latencies: Latencies, path: Path) -> None:
    """Draw into the `.svg` or `.png` file `path`, one panel for each number of threads."""
    passes = sorted({row.threads for row in latencies.rows})
    edge = _edge(latencies.rows)
    places = _places([row for row in latencies.rows if row.threads == passes[0]])
    height = FRAME_INCHES + ROW_INCHES * (max(places.values()) + 1)
    style: dict[Any, Any] = {
        "svg.hashsalt": "levit-edge",
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with rc_context(style):
        figure = Figure(figsize=(NAMES_INCHES + PANEL_INCHES * len(passes), height), layout="constrained")
        panels = figure.subplots(1, len(passes), sharey=True, sharex=True, squeeze=False)[0]
        for axes, threads in zip(panels, passes, strict=True):
            _draw(axes, [row for row in latencies.rows if row.threads == threads], places, edge)
            axes.set_xlim(0, edge * 1.12)
            axes.set_xlabel(f"ms for one image, {threads} thread{'s' if threads > 1 else ''}: median, line to p90")
        _label(panels[0], places)
        figure.suptitle(
            f"{latencies.model}, {latencies.host['processor']}, {latencies.rounds} × {latencies.runs} runs in turn",
            fontsize=11,
        )
        figure.legend(handles=_legend(latencies.rows), loc="outside lower center", ncols=6, frameon=False)
        kind = path.suffix.removeprefix(".")
        figure.savefig(path, format=kind, dpi=130, metadata={"Date": None} if kind == "svg" else None)


def _places(rows: list[Row]) -> dict[str, float]:
    """From each row's key to its height in the figure, with a gap in front of every runtime."""
    places: dict[str, float] = {}
    place, before = 0.0, rows[0].runtime
    for row in rows:
        place += GAP_ROWS if row.runtime is not before else 0
        places[_key(row)], before = place, row.runtime
        place += 1
    return places


def _edge(rows: tuple[Row, ...]) -> float:
    """Where the axis ends, milliseconds: a bar that is far longer than most is cut, and its number stays."""
    measured = [row.latency for row in rows if row.latency]
    if not measured:
        return 1.0
    return min(max(each.p90_ms for each in measured), CUT * median(each.median_ms for each in measured))


def _key(row: Row) -> str:
    return f"{row.runtime}  {row.name}"


def _draw(axes: Axes, rows: list[Row], places: dict[str, float], edge: float) -> None:
    axes.set_axisbelow(True)
    axes.grid(axis="x", color="#DDDDDD")
    for row in rows:
        place = places[_key(row)]
        if row.latency is None:
            axes.text(0, place, " no figure: see the table", va="center", color=OTHERS, fontsize=7.5)
            continue
        alpha = FLOAT_ALPHA if row.precision is Precision.FP32 else 1.0
        axes.barh(place, row.latency.median_ms, height=0.8, color=_colour(row), alpha=alpha)
        axes.plot([row.latency.median_ms, row.latency.p90_ms], [place, place], color="black", linewidth=1)
        at = min(row.latency.p90_ms, edge)
        axes.text(at, place, f" {row.latency.median_ms:.1f}", va="center", fontsize=7.5)


def _label(axes: Axes, places: dict[str, float]) -> None:
    axes.set_yticks(list(places.values()), list(places))
    axes.tick_params("y", length=0)
    axes.set_ylim(max(places.values()) + 0.6, -0.6)


def _colour(row: Row) -> str:
    return COLOURS.get(row.name.partition(" ")[0], OTHERS)


def _legend(rows: tuple[Row, ...]) -> list[Patch]:
    """Who is there, and what pale means."""
    makers = dict.fromkeys(row.name.partition(" ")[0] for row in rows)
    named = [Patch(color=COLOURS[maker], label=maker) for maker in makers if maker in COLOURS]
    others = [Patch(color=OTHERS, label="given file")] if makers.keys() - COLOURS.keys() else []
    return [*named, *others, Patch(color=OTHERS, alpha=FLOAT_ALPHA, label="pale: fp32")]
