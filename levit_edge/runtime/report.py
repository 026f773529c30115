"""`report.html`: the bundle's figures as one self-contained page."""

from typing import Any

from levit_edge.documents import to_json
from levit_edge.errors import RuntimeUnavailableError
from levit_edge.runtime.manifest import Manifest

__all__ = ["render_report"]


def render_report(manifest: Manifest) -> str:
    """The page for `manifest`; every value from outside is escaped.

    Raises:
        RuntimeUnavailableError: Jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise RuntimeUnavailableError(
            "jinja2 is not installed: install it with `pip install 'levit-edge[quantize]'`."
        ) from error
    environment = Environment(
        loader=PackageLoader("levit_edge.runtime", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters.update(number=_number, mebibytes=_mebibytes, interval=_interval)
    return environment.get_template("report.html.jinja").render(to_json(manifest))


def _number(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _mebibytes(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:.2f} MiB"


def _interval(bounds: list[Any] | None) -> str:
    return "–" if bounds is None else f"{bounds[0]:+.2f} … {bounds[1]:+.2f}"
