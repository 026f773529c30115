"""A sensitivity as one figure: what each layer costs in noise, and what another scheme would cost in time."""

from math import floor
from typing import TYPE_CHECKING

from levit_edge.bundle.recipe import LayerScheme
from levit_edge.quantize.analysis.sensitivity import Noise, Sensitivity
from levit_edge.report.figure import BLUE, GREEN, GREY, ORANGE, Drawing, mark, name_rows, shade_blocks
from levit_edge.text import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["sensitivity_plot"]

SHOWN_DB = 50.0
ROW_INCHES, WIDTH_INCHES, FRAME_INCHES = 0.2, 11.0, 1.9


def sensitivity_plot(measured: Sensitivity) -> Drawing:
    """The figure."""
    height = FRAME_INCHES + ROW_INCHES * len(measured.layers)
    return Drawing(WIDTH_INCHES, height, lambda figure, ink: _draw(figure, measured, ink))


def _title(measured: Sensitivity) -> str:
    top1 = "" if measured.top1 is None else f", float top-1 {measured.top1:.1f} %"
    return (
        f"LeViT-{measured.model}: what each layer costs, alone in int8\n"
        f"{counted(measured.samples, 'image')}{top1}; all layers as planned: {_decibels(measured.as_planned)},"
        f" all static: {_decibels(measured.all_static)} SQNR"
    )


def _decibels(noise: Noise) -> str:
    return "no noise" if noise.sqnr_db is None else f"{noise.sqnr_db:.1f} dB"


def _draw(figure: "Figure", measured: Sensitivity, ink: str) -> None:
    timed = all(layer.times is not None for layer in measured.layers)
    widths = [3, 2][: 1 + timed]
    noise, *rest = figure.subplots(1, len(widths), sharey=True, squeeze=False, width_ratios=widths)[0]
    _draw_noise(noise, measured, ink)
    if timed:
        _draw_prices(rest[0], measured, ink)
    marks = ["" if layer.planned is LayerScheme.STATIC else f" ({layer.planned})" for layer in measured.layers]
    names = [f"{layer.layer}{mark}" for layer, mark in zip(measured.layers, marks, strict=True)]
    for axes in (noise, *rest):
        name_rows(axes, names)
        shade_blocks(axes, [layer.layer for layer in measured.layers])
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False)
    figure.suptitle(_title(measured), fontsize=11)


def _draw_noise(axes: "Axes", measured: Sensitivity, ink: str) -> None:
    """How far the noise lies below the logits, in dB; further right is worse."""
    kinds: list[tuple[str, str, str, list[Noise | None]]] = [
        ("weights", BLUE, "o", [layer.weights for layer in measured.layers]),
        ("activations, static", ORANGE, "s", [layer.activations for layer in measured.layers]),
        ("both, dynamic", GREEN, "D", [layer.dynamic for layer in measured.layers]),
    ]
    edge = _left_edge(measured)
    for place, layer in enumerate(measured.layers):
        if layer.static.sqnr_db is not None:
            at = max(-layer.static.sqnr_db, edge)
            axes.plot([at, at], [place - 0.38, place + 0.38], color=ink, linewidth=1.6)
    axes.plot([], [], color=ink, linewidth=1.6, label="both, static")
    for label, colour, marker, noises in kinds:
        points = [(max(-n.sqnr_db, edge), place) for place, n in enumerate(noises) if n and n.sqnr_db is not None]
        mark(axes, points, marker, color=colour, markersize=4.5, label=label)
    if measured.as_planned.sqnr_db is not None:
        at = -measured.as_planned.sqnr_db
        axes.axvline(at, color=ink, linestyle=":", linewidth=1.2, label="all layers at once, as planned")
    axes.set_xlabel(f"noise in the logits, dB; right is worse, all below −{-edge:.0f} is at the edge")


def _left_edge(measured: Sensitivity) -> float:
    """Where the axis ends: what lies further below the worst layer than this makes no difference."""
    levels = [-layer.static.sqnr_db for layer in measured.layers if layer.static.sqnr_db is not None]
    return 10 * floor((max(levels, default=0.0) - SHOWN_DB) / 10)


def _draw_prices(axes: "Axes", measured: Sensitivity, ink: str) -> None:
    """Milliseconds that a layer alone takes more in float, and in dynamic int8, than in static int8."""
    places = range(len(measured.layers))
    in_float, dynamic = (
        [layer.price_ms(scheme, above=LayerScheme.STATIC) for layer in measured.layers]
        for scheme in (LayerScheme.FLOAT, LayerScheme.DYNAMIC)
    )
    axes.barh(places, [more or 0.0 for more in in_float], color=GREY, label="float")
    known = [(more, place) for place, more in enumerate(dynamic) if more is not None]
    mark(axes, known, "D", color=GREEN, markersize=4.5, label="dynamic int8")
    axes.axvline(0, color=ink, linewidth=0.8)
    axes.set_xlabel(
        f"time above static int8, ms, layer alone\n{measured.runtime}, {measured.threads} thread,"
        f" {measured.host['processor']}"
    )
