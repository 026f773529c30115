"""The layers of bundles as figures: how exact each one is, and which values it has to represent."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from levit_edge.report.figure import BLUE, GREEN, GREY, ORANGE, PINK, Drawing, mark, name_rows, shade_blocks
from levit_edge.report.report_data import LayerReportData

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["compared_sqnr_plot", "ranges_plot", "sqnr_plot"]

WIDTH_INCHES, ROW_INCHES, FRAME_INCHES = 3.4, 0.165, 0.8
"""As wide as a phone's screen: a chart is shown as large as it is drawn, so that its text has the page's size."""
LABEL_CHARACTERS = 20
SCHEMES = {"static": BLUE, "dynamic": GREEN, "float": GREY}
SERIES = ((BLUE, "o"), (ORANGE, "s"), (GREEN, "D"), (PINK, "^"))
LINEAR = 1.0
"""The axis of ranges is linear from minus to plus this and logarithmic beyond."""


def sqnr_plot(layers: Sequence[LayerReportData], schemes: Mapping[str, str]) -> Drawing:
    """A bar for each layer: its SQNR in dB; `schemes` says how each layer computes."""

    def paint(axes: "Axes") -> None:
        for place, layer in enumerate(layers):
            if layer.sqnr_db is not None:
                axes.barh(place, layer.sqnr_db, height=0.72, color=_colour(layer, schemes), linewidth=0)
                axes.annotate(
                    f"{layer.sqnr_db:.1f}",
                    (max(layer.sqnr_db, 0), place),
                    (3, 0),
                    textcoords="offset points",
                    va="center",
                )
        axes.set_xlabel("SQNR, dB")
        axes.margins(x=0.3)
        _scheme_legend(axes, layers, schemes)

    return _drawing([layer.layer for layer in layers], paint)


def ranges_plot(layers: Sequence[LayerReportData], schemes: Mapping[str, str]) -> Drawing:
    """For each layer the range of its output, thick, and of its input, thin."""

    def paint(axes: "Axes") -> None:
        for place, layer in enumerate(layers):
            colour = _colour(layer, schemes)
            for bounds, offset, height in ((layer.output, -0.1, 0.46), (layer.input, 0.31, 0.14)):
                width = bounds.maximum - bounds.minimum
                axes.barh(place + offset, width, left=bounds.minimum, height=height, color=colour, linewidth=0)
        axes.axvline(0, color=GREY, linewidth=0.8)
        axes.set_xscale("symlog", linthresh=LINEAR)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_xlabel("output thick, input thin")
        _scheme_legend(axes, layers, schemes)

    return _drawing([layer.layer for layer in layers], paint)


def compared_sqnr_plot(bundles: Mapping[str, Sequence[LayerReportData]]) -> Drawing:
    """The SQNR of each layer in several bundles, by their names."""
    names = list(dict.fromkeys(layer.layer for layers in bundles.values() for layer in layers))
    places = {name: place for place, name in enumerate(names)}

    def paint(axes: "Axes") -> None:
        for index, (bundle, layers) in enumerate(bundles.items()):
            colour, marker = SERIES[index % len(SERIES)]
            points = [(layer.sqnr_db, places[layer.layer]) for layer in layers if layer.sqnr_db is not None]
            mark(axes, points, marker, color=colour, markersize=4.5, label=bundle.lstrip("_"), alpha=0.85)
        axes.set_xlabel("SQNR, dB")
        axes.figure.legend(loc="outside upper left", frameon=False)

    return _drawing(names, paint)


def _drawing(names: Sequence[str], paint: Callable[["Axes"], None]) -> Drawing:
    def all_of_it(figure: "Figure", _ink: str) -> None:
        axes = figure.subplots()
        paint(axes)
        labels = [name if len(name) <= LABEL_CHARACTERS else name[: LABEL_CHARACTERS - 1] + "…" for name in names]
        name_rows(axes, labels)
        shade_blocks(axes, names)

    return Drawing(WIDTH_INCHES, FRAME_INCHES + ROW_INCHES * len(names), all_of_it)


def _colour(layer: LayerReportData, schemes: Mapping[str, str]) -> str:
    return SCHEMES.get(schemes.get(layer.layer, ""), GREY)


def _scheme_legend(axes: "Axes", layers: Sequence[LayerReportData], schemes: Mapping[str, str]) -> None:
    from matplotlib.patches import Patch

    used = {schemes.get(layer.layer) for layer in layers}
    patches = [Patch(color=colour, label=scheme) for scheme, colour in SCHEMES.items() if scheme in used]
    if patches:
        axes.figure.legend(
            handles=patches,
            loc="outside upper left",
            ncols=len(patches),
            frameon=False,
            handlelength=1.0,
            handleheight=0.8,
            columnspacing=1.2,
        )
