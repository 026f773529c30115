"""The forms in which predictions are written, as the command line offers them."""

from enum import StrEnum

__all__ = ["Format"]


class Format(StrEnum):
    """How predictions are written; see `levit_edge.device.sheets`."""

    TEXT = "text"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
