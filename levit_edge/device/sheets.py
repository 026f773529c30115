"""Predictions as text, JSON, JSON lines or CSV, one after the other as they come.

An outcome is an object: of a photograph `image`, `guesses` and `turned`; or `image` and `error`; of a frame `frame`,
`at_s`, `guesses`, `preprocessing_ms` and `inference_ms`. Guesses have `index`, `label` and `probability`. Runs with
Python 3.9: packages for boards carry this file.
"""

from __future__ import annotations

import csv
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from levit_edge.device.errors import DataError
from levit_edge.device.words import on_one_line

FORMATS = ("text", "json", "jsonl", "csv")
ENDINGS = {".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}
TEXT_ENDINGS = ("", ".txt", ".log")
Document = dict[str, Any]
COLUMNS = ("rank", "index", "label", "probability", "turned", "error")
"""Of CSV, behind what names the photograph or frame."""

CRLF = "\r\n"
"""What ends rows decides what has to be quoted within them: a name may have either of the two."""


def format_of(asked: str | None, output: Path | None) -> str:
    """What was asked for, or what the ending of `output` says; else text.

    Raises:
        DataError: `output` is `-`, or nothing was asked for and it ends as files do that are not written.
    """
    if output is not None and str(output) == "-":
        raise DataError("--output - is no file: without --output, results go to standard output.")
    ending = "" if output is None else output.suffix.lower()
    if asked is None and ending not in ENDINGS and ending not in TEXT_ENDINGS:
        known = ", ".join([*ENDINGS, *filter(None, TEXT_ENDINGS)])
        raise DataError(f"{output}: {ending} does not say in which form: name it {known}, or give --format.")
    return asked or ENDINGS.get(ending, FORMATS[0])


class Sheet(ABC):
    """What is written before, for, and behind the outcomes; each part ends with a line."""

    def begin(self) -> str:
        """Before the first one."""
        return ""

    @abstractmethod
    def add(self, outcome: Document) -> str:
        """For one of them."""

    def end(self) -> str:
        """Behind the last one, also if there will be no more because the user said so."""
        return ""


class Text(Sheet):
    """For people: a line for the photograph, and one for each guess."""

    def add(self, outcome: Document) -> str:
        """Nothing for what cannot be read, which is named on standard error."""
        if "error" in outcome:
            return ""
        guesses = "".join(
            f"  {each['probability']:7.2%}  {on_one_line(each['label'])}\n" for each in outcome["guesses"]
        )
        if "frame" in outcome:
            return f"frame {outcome['frame']}, {outcome['at_s']:.2f} s\n{guesses}"
        return f"{on_one_line(outcome['image'])}{' (turned as its EXIF says)' if outcome['turned'] else ''}\n{guesses}"


class JsonLines(Sheet):
    """An object for each photograph or frame, on a line of its own."""

    def __init__(self, *, ascii_only: bool) -> None:
        self._ascii_only = ascii_only

    def add(self, outcome: Document) -> str:
        """`error` stands in place of `guesses` for what cannot be read."""
        return _json(outcome, self._ascii_only) + "\n"


class Json(Sheet):
    """One document: `head`, the results, and what cannot be read."""

    def __init__(self, head: Mapping[str, Any], *, ascii_only: bool) -> None:
        self._head, self._ascii_only = head, ascii_only
        self._results: list[Document] = []
        self._errors: list[Document] = []

    def add(self, outcome: Document) -> str:
        """Nothing yet."""
        (self._errors if "error" in outcome else self._results).append(outcome)
        return ""

    def end(self) -> str:
        """All of it."""
        document = {**self._head, "results": self._results, "errors": self._errors}
        return _json(document, self._ascii_only, indent=1) + "\n"


class Csv(Sheet):
    """A row for each guess, as tools for tables like it; and one for each photograph that cannot be read."""

    def __init__(self, subject: tuple[str, ...]) -> None:
        self._columns = (*subject, *COLUMNS)

    def begin(self) -> str:
        """The names of the columns."""
        return _row({name: name for name in self._columns}, self._columns)

    def add(self, outcome: Document) -> str:
        """As many rows as there are guesses."""
        document = {name: value for name, value in outcome.items() if name != "guesses"}
        guesses: list[dict[str, Any]] = outcome.get("guesses", [])
        if "turned" in document:
            document["turned"] = int(document["turned"])
        rows: list[Document] = [{**document, "rank": rank, **guess} for rank, guess in enumerate(guesses, 1)]
        return "".join(_row(each, self._columns) for each in rows or [document])


def sheet_of(form: str, head: Mapping[str, Any], *, frames: bool = False, ascii_only: bool = False) -> Sheet:
    """An empty one; `head` is what a document says before the results, `frames` whether these are of a stream.

    With `ascii_only`, JSON escapes all else, as it can; other forms leave that to the stream.
    """
    if form == "json":
        return Json(head, ascii_only=ascii_only)
    if form == "csv":
        return Csv(("frame", "at_s", "preprocessing_ms", "inference_ms") if frames else ("image",))
    return JsonLines(ascii_only=ascii_only) if form == "jsonl" else Text()


def _json(document: object, ascii_only: bool, indent: int | None = None) -> str:
    """Names that are no text are escaped too, as their bytes are in no encoding."""
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only, allow_nan=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(document, indent=indent, allow_nan=False)
    return text


def _row(values: Mapping[str, object], columns: tuple[str, ...]) -> str:
    line = io.StringIO()
    csv.DictWriter(line, columns, lineterminator=CRLF, extrasaction="raise").writerow(values)
    return line.getvalue()[: -len(CRLF)] + "\n"
