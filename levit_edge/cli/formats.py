"""The forms in which predictions are written."""

from enum import StrEnum
from pathlib import Path

__all__ = ["Format", "format_of"]


class Format(StrEnum):
    """How predictions are written."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


ENDINGS = {".json": Format.JSON, ".jsonl": Format.JSONL, ".ndjson": Format.JSONL, ".csv": Format.CSV}


def format_of(asked: Format | None, output: Path | None) -> Format:
    """What was asked for, or what the ending of `output` says; else text."""
    named = ENDINGS.get(output.suffix.lower()) if output is not None else None
    return asked or named or Format.TEXT
