"""`evidence.json` of a bundle: what was seen while it was made, for its report.

Bundles come from others: sizes, numbers, names and pictures are checked when the file is read. Probabilities are 0 to
1, margins in logits. Bundles that were made before there was such a file, and by callers who left it out, have none.
"""

import json
import sys
from dataclasses import dataclass
from typing import Annotated

from levit_edge.benchmark.checks import validate
from levit_edge.benchmark.measurement import Measurement
from levit_edge.bundle.reader import Bundle
from levit_edge.documents import UNPAIRED, Between, Count, Length, Matching, Version, from_json, parse_json, to_json
from levit_edge.errors import BundleError
from levit_edge.report.thumbnail import thumbnail_fault
from levit_edge.text import counted

__all__ = [
    "REPORT_DATA_FILE",
    "ActivationRange",
    "FlipCount",
    "FlippedImage",
    "Flips",
    "ImageAnswer",
    "LayerReportData",
    "RankedClass",
    "ReportData",
    "read_report_data",
    "report_data_file",
]

REPORT_DATA_FILE = "evidence.json"
SCHEMA_VERSION = 1
MOST_BYTES = 2 * 2**20
MOST_LAYERS, MOST_COUNTS, MOST_IMAGES, MOST_ANSWERS, MOST_CLASSES = 1000, 400, 24, 8, 5
LONGEST_NAME = 400
LARGEST = 1e12
"""Above every activation of a network that works."""
LayerName = Annotated[str, Matching("[A-Za-z0-9_.]{1,80}", "a layer's name")]
Activation = Annotated[float, Between(-LARGEST, LARGEST)]


@dataclass(frozen=True, kw_only=True)
class ActivationRange:
    """The closed interval that calibration chose for an activation."""

    minimum: Activation
    maximum: Activation

    def __post_init__(self) -> None:
        _require(self.minimum <= self.maximum, f"a range is {self.minimum:g} to {self.maximum:g}")


@dataclass(frozen=True, kw_only=True)
class LayerReportData:
    """One convolution or linear, in the quantized network as a whole."""

    layer: LayerName
    sqnr_db: Annotated[float, Between(-1000, 1000)] | None
    """The SQNR of its output, and behind the hardswish if one follows, against the float network's; None without any
    noise."""
    input: ActivationRange
    output: ActivationRange


@dataclass(frozen=True, kw_only=True)
class RankedClass:
    """A class and how likely a model finds it."""

    index: int
    probability: Annotated[float, Between(0, 1)]


@dataclass(frozen=True, kw_only=True)
class ImageAnswer:
    """What one artifact made of an image."""

    artifact: str
    margin: Annotated[float, Between(-sys.float_info.max, sys.float_info.max)]
    """The logit of fp32's top-1 class minus the largest other one."""
    top: Annotated[tuple[RankedClass, ...], Length(1, MOST_CLASSES)]
    """The likeliest class first."""


@dataclass(frozen=True, kw_only=True)
class FlippedImage:
    """An image whose top-1 class changed in at least one runtime."""

    file: Annotated[str, Length(0, LONGEST_NAME)]
    """Its path relative to the folder of evaluation images."""
    label: int | None
    thumbnail: str | None
    """A JPEG in base64, see `levit_edge.report.thumbnail`."""
    answers: Annotated[tuple[ImageAnswer, ...], Length(2, MOST_ANSWERS)]
    """fp32's and then the other's, for each runtime in which it changed."""

    def __post_init__(self) -> None:
        _require(len(self.answers) % 2 == 0, f"an image has {counted(len(self.answers), 'answer')}")
        fault = "" if self.thumbnail is None else thumbnail_fault(self.thumbnail)
        _require(not fault, f"a thumbnail {fault}")


@dataclass(frozen=True, kw_only=True)
class FlipCount:
    """How many images went from one top-1 class in fp32 to another in an artifact of the same runtime."""

    artifact: str
    expected: int
    """fp32's class."""
    found: int
    images: Annotated[int, Between(1, 2**53)]
    lost: Count
    """Those of them that fp32 has right."""
    gained: Count
    """Those of them that the artifact has right."""

    def __post_init__(self) -> None:
        possible = self.lost + self.gained <= self.images
        _require(
            possible,
            f"{counted(self.images, 'image')} flipped, of which {self.lost} were lost and {self.gained} gained",
        )


@dataclass(frozen=True, kw_only=True)
class Flips:
    """The images whose top-1 class changed from fp32 to another artifact of the same runtime."""

    counts: Annotated[tuple[FlipCount, ...], Length(0, MOST_COUNTS)]
    """The most frequent pairs of classes first."""
    uncounted: Count
    """Flips in pairs of classes that are not listed, because there are too many."""
    images: int
    """All images that flipped."""
    shown: Annotated[tuple[FlippedImage, ...], Length(0, MOST_IMAGES)]
    """Some of them: lost ones first, and those that fp32 was surest of."""

    def __post_init__(self) -> None:
        _require(len(self.shown) <= self.images, f"{len(self.shown)} of {counted(self.images, 'image')} are shown")


@dataclass(frozen=True, kw_only=True)
class ReportData:
    """`evidence.json`."""

    schema_version: Annotated[int, Version(SCHEMA_VERSION)] = SCHEMA_VERSION
    limit: int | None
    """The bound on the number of evaluation images, if there was one."""
    layer_images: Count
    """Calibration images that the SQNR of layers was measured on."""
    layers: Annotated[tuple[LayerReportData, ...], Length(0, MOST_LAYERS)]
    """In execution order."""
    flips: Flips | None = None
    latency: Measurement | None = None
    """On the computer that made the bundle. Its `model.manifest_sha256` is empty: the manifest names this file."""

    def __post_init__(self) -> None:
        fault = "" if self.latency is None else validate(self.latency)
        _require(not fault, f"the latency cannot be: {fault}")


def report_data_file(report_data: ReportData) -> bytes:
    """The content of `evidence.json`.

    Raises:
        BundleError: it says what cannot be, and `read_report_data` would refuse it.
    """
    document = to_json(report_data)
    from_json(ReportData, document, BundleError, REPORT_DATA_FILE)
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", UNPAIRED) + b"\n"


def read_report_data(bundle: Bundle) -> ReportData | None:
    """What is recorded in `bundle`, checked; None if nothing is.

    Raises:
        BundleError: the file is damaged, or says what cannot be.
    """
    if REPORT_DATA_FILE not in bundle.manifest.files:
        return None
    data, what = bundle.read(REPORT_DATA_FILE), f"{bundle.path / REPORT_DATA_FILE}"
    if len(data) > MOST_BYTES:
        raise BundleError(f"{what} has {len(data) / 2**20:.1f} MiB, expected at most {MOST_BYTES / 2**20:.0f}.")
    report_data = from_json(ReportData, parse_json(data, BundleError, what), BundleError, what)
    _require_known(report_data, bundle, what)
    return report_data


def _require(sane: bool, found: str) -> None:
    if not sane:
        raise BundleError(f"{found}, which cannot be.")


def _require_known(report_data: ReportData, bundle: Bundle, what: str) -> None:
    """Every class is one of the model's, every artifact one of the bundle's."""
    flips = report_data.flips
    if flips is None:
        return
    answers = [answer for image in flips.shown for answer in image.answers]
    classes = {each.index for answer in answers for each in answer.top}
    classes |= {index for count in flips.counts for index in (count.expected, count.found)}
    classes |= {image.label for image in flips.shown if image.label is not None}
    strangers = classes - set(range(bundle.manifest.config.classes))
    if strangers:
        raise BundleError(
            f"{what} names class {min(strangers)}, expected 0 to {bundle.manifest.config.classes - 1}. Make the bundle"
            " again."
        )
    named = {answer.artifact for answer in answers} | {count.artifact for count in flips.counts}
    unknown = named - {artifact.file for artifact in bundle.manifest.artifacts}
    if unknown:
        raise BundleError(f"{what} names {min(unknown)[:80]!r}, which is no model file of the bundle.")
