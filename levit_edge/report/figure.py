"""Figures by matplotlib, as files and as part of a page."""

import io
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from levit_edge.errors import RuntimeUnavailableError
from levit_edge.system.atomic import write_whole

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["BLUE", "GREEN", "GREY", "ORANGE", "PINK", "Drawing", "mark", "name_rows", "shade_blocks"]

BLUE, ORANGE, GREEN, PINK, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8C8C8C"
"""Okabe and Ito, "Color Universal Design", 2008: told apart with every kind of colour vision, on white and on black."""
INK = "#010203"
"""Stands for the page's own text colour, which is dark or light."""
TEXT_POINTS = 9.75
"""13 pixels: the size of the headings of a page's tables. Charts are shown as large as they are drawn."""
STYLE: Any = {
    "svg.hashsalt": "levit-edge",
    "svg.fonttype": "none",
    "text.parse_math": False,  # a `$` in a name from elsewhere begins no formula
    "font.size": TEXT_POINTS,
    "axes.labelsize": TEXT_POINTS,
    "xtick.labelsize": TEXT_POINTS,
    "ytick.labelsize": TEXT_POINTS,
    "legend.fontsize": TEXT_POINTS,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.axisbelow": True,
}


@dataclass(frozen=True)
class Drawing:
    """A figure that is yet to be painted."""

    width_inches: float
    height_inches: float
    paint: Callable[["Figure", str], None]
    """Paints on the figure, text and lines in the given colour."""

    def file(self, kind: str, *, ink: str = "black") -> bytes:
        """A `png` or `svg` file; the same bytes for the same figure.

        `ink` is the colour of text and axes; anything but black leaves the background out.

        Raises:
            RuntimeUnavailableError: matplotlib is not installed.
        """
        try:
            from matplotlib import rc_context
            from matplotlib.figure import Figure
        except ImportError as error:
            raise RuntimeUnavailableError(
                "matplotlib is not installed: install it with `pip install 'levit-edge[quantize]'`."
            ) from error
        inked = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
        buffer = io.BytesIO()
        with rc_context(STYLE | dict.fromkeys(inked, ink)), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # the viewer's fonts may have it
            figure = Figure(figsize=(self.width_inches, self.height_inches), layout="constrained")
            self.paint(figure, ink)
            metadata = dict.fromkeys(("Creator", "Date", "Format", "Type")) if kind == "svg" else None
            figure.savefig(buffer, format=kind, dpi=130, metadata=metadata, transparent=ink != "black")
        return buffer.getvalue()

    def write(self, path: Path) -> None:
        """Draw into the `.png` or `.svg` file `path`, which appears whole or not at all.

        Raises:
            OutputError: it cannot be written.
            RuntimeUnavailableError: matplotlib is not installed.
        """
        write_whole(path, self.file(path.suffix.lower().removeprefix(".")), "--plot")

    def inline(self) -> "Markup":
        """An `<svg>` element whose text and lines have the page's colour; matplotlib escapes its texts.

        Raises:
            RuntimeUnavailableError: matplotlib or Jinja2 is not installed.
        """
        drawing = self.file("svg", ink=INK).decode()
        from markupsafe import Markup

        element = drawing[drawing.index("<svg") :].replace(INK, "currentColor")
        return Markup(re.sub(r'<g id="[^"]*">', "<g>", element))  # noqa: S704 - see above; ids recur in other figures


def mark(axes: "Axes", points: Sequence[tuple[float, float]], marker: str, **look: Any) -> None:
    """A series of markers at (x, y), which may be none and is in the legend all the same."""
    axes.plot(*zip(*points, strict=True) if points else ([], []), marker, **look)


def name_rows(axes: "Axes", labels: Sequence[str]) -> None:
    """A row for each label, the first one at the top, and faint lines at the ticks of the other axis."""
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(max(len(labels), 1) - 0.5, -0.5)
    axes.tick_params("y", length=0)
    axes.grid(axis="x", color=GREY, alpha=0.3)


def shade_blocks(axes: "Axes", names: Sequence[str]) -> None:
    """A faint band behind every second block of the layers in the rows."""
    blocks = list(dict.fromkeys(name.rpartition(".")[0] for name in names))
    number = {block: place for place, block in enumerate(blocks)}
    for place, name in enumerate(names):
        if number[name.rpartition(".")[0]] % 2:
            axes.axhspan(place - 0.5, place + 0.5, color=GREY, alpha=0.1, zorder=0, linewidth=0)
