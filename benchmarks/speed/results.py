"""The latencies as a document."""

from dataclasses import dataclass

from benchmarks.document import Document
from benchmarks.speed.contender import Engine
from benchmarks.speed.statistics import Latency, Ratio
from levit_edge.bundle.kinds import Precision
from levit_edge.bundle.manifest import ImageProvenance

__all__ = ["Latencies", "Row"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One contender with one number of threads; figures are None where there is none, and `reason` says why."""

    name: str
    runtime: Engine
    precision: Precision | None
    threads: int
    latency: Latency | None = None
    to_fp32: Ratio | None = None
    """Its time over that of levit-edge's fp32 file in the same runtime."""
    to_stock_int8: Ratio | None = None
    """Its time over that of the runtime's own way to int8, from timm's network."""
    load_ms: float | None = None
    """From the file to a model that can be called; the runtime was imported before, the file is in the page cache."""
    first_ms: float | None = None
    """The first run, which may compile, allocate and pack."""
    peak_rss_bytes: int | None = None
    """Largest resident memory of the contender's process, Python, its runtime's package and the images included."""
    imported_rss_bytes: int | None = None
    """The same when the runtime was imported and the file not yet opened."""
    size_bytes: int | None = None
    agreement: float | None = None
    """Percent of the checked images with the top-1 class of the network in torch, float32."""
    sqnr_db: float | None = None
    """Of the logits of the checked images, against the network in torch, float32; also None when they are equal."""
    note: str = ""
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Latencies(Document):
    """All that the JSON file holds."""

    model: str
    classes: int
    weights: str
    """The checkpoint's file name, or `random`."""
    checkpoint_sha256: str
    calibration: ImageProvenance
    checked_images: int
    """How many of the calibration images `agreement` and `sqnr_db` are over."""
    rounds: int
    runs: int
    """Timed runs of each contender in each round."""
    warm_up: int
    """Runs before them in each round."""
    load_average: float
    """Of the machine over the minute before the command began: what else was running."""
    rows: tuple[Row, ...]
