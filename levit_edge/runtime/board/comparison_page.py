"""Boards side by side as one self-contained page."""

from collections.abc import Sequence

from levit_edge.documents import to_json
from levit_edge.errors import RuntimeUnavailableError
from levit_edge.runtime.board.comparison_plot import comparison_plot
from levit_edge.runtime.board.comparison_rows import ComparisonRow
from levit_edge.runtime.board.results import Measurement

__all__ = ["comparison_page"]

INK = "#010203"
"""Stands for the page's own text colour, which is dark or light."""


def comparison_page(measurements: Sequence[Measurement], rows: Sequence[ComparisonRow]) -> str:
    """The page; every value from a measurement is escaped, and nothing is fetched from elsewhere.

    Args:
        measurements: what the rows are of, for what a row has no room for.
        rows: as `comparison_rows` gives them.

    Raises:
        RuntimeUnavailableError: Jinja2 or matplotlib is not installed.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
        from markupsafe import Markup
    except ImportError as error:
        raise RuntimeUnavailableError(
            "jinja2 is not installed: install it with `pip install 'levit-edge[quantize]'`."
        ) from error
    environment = Environment(
        loader=PackageLoader("levit_edge.runtime.board", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters.update(number=_number)
    drawing = comparison_plot(rows, "svg", ink=INK).decode()
    return environment.get_template("comparison.html.jinja").render(
        rows=to_json(rows),
        measurements=to_json(measurements),
        plot=Markup(drawing[drawing.index("<svg") :].replace(INK, "currentColor")),  # noqa: S704 - matplotlib escapes
    )


def _number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
