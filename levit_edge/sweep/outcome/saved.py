"""`results.json` as it was written, here or at a URL; it may come from others."""

from pathlib import Path

from levit_edge.documents import from_json, parse_json, read_json
from levit_edge.errors import SweepError
from levit_edge.sweep.inputs.storage import locate, reported
from levit_edge.sweep.outcome.results import SweepResults

__all__ = ["RESULTS", "is_sweep", "read_results", "sweep_name"]

RESULTS = "results.json"
MAX_RESULTS_BYTES = 64 << 20
"""200 candidates have 1 MB, and 3 MB more if each names 250 images that could not be read."""
WHAT = "a sweep's results"


def is_sweep(location: str) -> bool:
    """Whether `location` is a folder with results of a sweep, or a URL, which has nothing else of ours."""
    return "://" in location or Path(location, RESULTS).is_file()


def sweep_name(location: str) -> str:
    """The last part of its path or URL."""
    name = location.rstrip("/").rpartition("/")[2] if "://" in location else Path(location).resolve().name
    return name or "sweep"


def read_results(location: str) -> SweepResults:
    """The results in a folder or at an fsspec URL that `levit-edge sweep --output` wrote to.

    Raises:
        SweepError: they cannot be read, or are not a sweep's.
        DataError: the URL's file system needs a library that is not installed.
    """
    if "://" in location:
        document = _read_url(location)
    else:
        document = read_json(Path(location, RESULTS), SweepError, WHAT, limit=MAX_RESULTS_BYTES)
    return from_json(SweepResults, document, SweepError, f"{WHAT} {location}")


def _read_url(location: str) -> object:
    system, root = locate(location)
    with (
        reported(f"{location}/{RESULTS} cannot be read", SweepError),
        system.open(f"{root.rstrip('/')}/{RESULTS}") as file,
    ):
        content = file.read(MAX_RESULTS_BYTES + 1)
    if len(content) > MAX_RESULTS_BYTES:
        raise SweepError(f"{location}/{RESULTS} is larger than {MAX_RESULTS_BYTES >> 20} MiB, expected {WHAT}.")
    return parse_json(content, SweepError, f"{WHAT} {location}")
