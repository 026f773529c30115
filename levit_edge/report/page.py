"""A template and values -> one self-contained page, or the Markdown of a model card.

Every value is from elsewhere: it becomes text, never markup. Pages are passed on: no value names a folder by its
absolute path.
"""

import re
import unicodedata
from typing import Any

from levit_edge.benchmark.profile_table import errors, profile_tables
from levit_edge.bundle.passed_on import hide_folders
from levit_edge.device.file_kinds import passed_over_words
from levit_edge.errors import RuntimeUnavailableError
from levit_edge.text import counted

__all__ = ["number", "render"]

LONGEST_TEXT = 8000
LARGEST = 2.0**63
MARKDOWN = ".md.jinja"
_UNCODED = re.compile(r"[`|<>&\s]")


def render(template: str, **values: object) -> str:
    """The page that a template of this folder makes of `values`.

    Raises:
        RuntimeUnavailableError: Jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
        from markupsafe import Markup, escape
    except ImportError as error:
        raise RuntimeUnavailableError(
            "jinja2 is not installed: install it with `pip install 'levit-edge[quantize]'`."
        ) from error
    in_markdown = template.endswith(MARKDOWN)
    text_of = _markdown if in_markdown else _printable
    environment = Environment(
        loader=PackageLoader("levit_edge.report", "."),
        autoescape=not in_markdown,  # noqa: S701 - Markdown is escaped by `finalize`
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: value if isinstance(value, Markup) else text_of(value),
    )
    environment.filters.update(
        number=number,
        amount=lambda value, digits=0: number(None if value is None or value < 0 else value, digits),
        signed=lambda value, digits=2: number(value, digits, sign="+"),
        mebibytes=lambda value, digits=2: number(value, digits, unit=2**20),
        interval=_interval,
        date=_date,
        passed_over=passed_over_words,
        counted=_counted,
        profile_tables=profile_tables,
        profile_errors=errors,
        label=lambda value: Markup(_in_markdown(_shown(value))) if in_markdown else escape(_shown(value)),  # noqa: S704
        code=lambda value: Markup(_UNCODED.sub(" ", _printable(value))),  # noqa: S704 - in a code span of Markdown
    )
    return environment.get_template(template).render(values)


def number(value: Any, digits: int = 2, *, sign: str = "-", unit: float = 1) -> str:
    """`value` in units of `unit`, with a true minus; a dash for None, and for what is no number of this world."""
    if value is None or not abs(value) < LARGEST:
        return "–"
    text = f"{value / unit:{sign}.{digits}f}"
    if not any(digit in text for digit in "123456789"):
        text = text.lstrip("-+")
    return text.replace("-", "−")


def _interval(bounds: tuple[float, float] | None) -> str:
    return "–" if bounds is None else f"{number(bounds[0], sign='+')} … {number(bounds[1], sign='+')}"


def _counted(count: Any, noun: str) -> str:
    return counted(count, noun) if 0 <= count < LARGEST else f"– {counted(2, noun).split(maxsplit=1)[1]}"


def _date(created_utc: str) -> str:
    """`2026-10-20T12:00:00+00:00` -> `2026-10-20 12:00 UTC`."""
    day, _, time = str(created_utc).partition("T")
    return f"{day} {time[:5]} UTC" if time else day


def _markdown(value: object) -> str:
    """One line of text that Markdown takes for nothing else."""
    return _in_markdown(_printable(value))


def _in_markdown(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>|&~$])", r"\\\1", re.sub(r"\s+", " ", text))


def _printable(value: object) -> str:
    """Text without absolute paths, control characters, marks that turn writing around, and unpaired surrogates."""
    return _shown(hide_folders(str(value)))


def _shown(text: str) -> str:
    """The same of a class name, which may look like a path and be none: `/m/01g317` of Open Images."""
    shown = text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
    return "".join(each if not unicodedata.category(each).startswith("C") else " " for each in shown)
