"""One thing that was looked at."""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Check", "CheckStatus"]


class CheckStatus(StrEnum):
    """How a thing is."""

    OK = "ok"
    MISSING = "missing"
    """It is not there, and only what needs it does not work."""
    PROBLEM = "problem"
    """It is there, and is not as it should be."""


@dataclass(frozen=True)
class Check:
    """A line of `levit-edge doctor`."""

    name: str
    status: CheckStatus
    found: str
    advice: str = ""
    """What to do; empty if nothing."""
